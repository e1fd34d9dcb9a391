import { checkNumber } from "./checks.ts";
import { linear } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode InverseSqrtLR}. */
export interface InverseSqrtLROptions extends LRSchedulerOptions {
  /** The step that reaches the base rate. Default: 4000. */
  readonly warmupSteps?: number | undefined;
  /** The rate at step 0. Default: 0. */
  readonly warmupStartLr?: number | undefined;
}

/**
 * A straight line up to the base rate, then down with the square root of the step.
 *
 * ```text
 * W = warmupSteps
 *
 * lr(e) = warmupStartLr + (baseLr - warmupStartLr) · e / W   e < W
 *         baseLr · √(W / e)                                  after
 * ```
 *
 * The first step is taken with `warmupStartLr`: with 0, the default, it changes
 * nothing.
 *
 * From Vaswani et al., "Attention Is All You Need" (2017),
 * https://arxiv.org/abs/1706.03762, whose rate this is for a `baseLr` of
 * `(dModel · warmupSteps)^-½`.
 */
export class InverseSqrtLR extends LRScheduler {
  /** The step that reaches the base rate. */
  readonly warmupSteps: number;
  /** The rate at step 0. */
  readonly warmupStartLr: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { warmupSteps = 4000, warmupStartLr = 0, ...base }: InverseSqrtLROptions =
      {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "warmupSteps", warmupSteps, "a positive integer");
    checkNumber(
      action,
      "warmupStartLr",
      warmupStartLr,
      "a nonnegative finite number",
    );
    this.warmupSteps = warmupSteps;
    this.warmupStartLr = warmupStartLr;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { warmupSteps, warmupStartLr } = this;
    if (epoch < warmupSteps) {
      return linear(warmupStartLr, baseLr, epoch / warmupSteps);
    }
    return baseLr * Math.sqrt(warmupSteps / epoch);
  }
}
