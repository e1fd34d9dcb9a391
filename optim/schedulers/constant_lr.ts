import { checkNumber } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode ConstantLR}. */
export interface ConstantLROptions extends LRSchedulerOptions {
  /** What the rate is multiplied by at first. Default: 1 / 3. */
  readonly factor?: number | undefined;
  /** For how many epochs. Default: 5. */
  readonly totalIters?: number | undefined;
}

/**
 * A share of the base rate for the first epochs, and all of it afterwards.
 *
 * ```text
 * lr(e) = baseLr · factor   where e < totalIters
 *         baseLr            afterwards
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.ConstantLR`.
 */
export class ConstantLR extends LRScheduler {
  /** What the rate is multiplied by at first. */
  readonly factor: number;
  /** For how many epochs. */
  readonly totalIters: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { factor = 1 / 3, totalIters = 5, ...base }: ConstantLROptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "factor", factor, "a nonnegative finite number");
    checkNumber(action, "totalIters", totalIters, "a nonnegative integer");
    this.factor = factor;
    this.totalIters = totalIters;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    return epoch < this.totalIters ? baseLr * this.factor : baseLr;
  }
}
