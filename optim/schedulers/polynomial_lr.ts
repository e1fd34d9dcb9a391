import { checkNumber } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode PolynomialLR}. */
export interface PolynomialLROptions extends LRSchedulerOptions {
  /** The epoch that reaches 0. Default: 5. */
  readonly totalIters?: number | undefined;
  /** The exponent; 1 is a straight line. Default: 1. */
  readonly power?: number | undefined;
}

/**
 * Down to 0 in `totalIters` epochs, along a power.
 *
 * ```text
 * lr(e) = baseLr · (1 - min(e, totalIters) / totalIters)^power
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.PolynomialLR`.
 */
export class PolynomialLR extends LRScheduler {
  /** The epoch that reaches 0. */
  readonly totalIters: number;
  /** The exponent; 1 is a straight line. */
  readonly power: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { totalIters = 5, power = 1, ...base }: PolynomialLROptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "totalIters", totalIters, "a positive integer");
    checkNumber(action, "power", power, "a positive finite number");
    this.totalIters = totalIters;
    this.power = power;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const left = 1 - Math.min(epoch, this.totalIters) / this.totalIters;
    return baseLr * left ** this.power;
  }
}
