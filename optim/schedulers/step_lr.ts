import { checkNumber } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode StepLR}. */
export interface StepLROptions extends LRSchedulerOptions {
  /** Epochs from one cut to the next. Default: 30. */
  readonly stepSize?: number | undefined;
  /** What a cut multiplies the rate by. Default: 0.1. */
  readonly gamma?: number | undefined;
}

/**
 * The rate is cut every `stepSize` epochs.
 *
 * ```text
 * lr(e) = baseLr · gamma^⌊e / stepSize⌋
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.StepLR`.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const scheduler = new optim.StepLR({ baseLr: 1, stepSize: 2, gamma: 0.5 });
 * const lrs = [0, 1, 2, 3, 4].map((epoch) => scheduler.lrAt(epoch));
 * assertEquals(lrs, [1, 1, 0.5, 0.5, 0.25]);
 * ```
 */
export class StepLR extends LRScheduler {
  /** Epochs from one cut to the next. */
  readonly stepSize: number;
  /** What a cut multiplies the rate by. */
  readonly gamma: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor({ stepSize = 30, gamma = 0.1, ...base }: StepLROptions = {}) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "stepSize", stepSize, "a positive integer");
    checkNumber(action, "gamma", gamma, "a nonnegative finite number");
    this.stepSize = stepSize;
    this.gamma = gamma;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    return baseLr * this.gamma ** Math.floor(epoch / this.stepSize);
  }
}
