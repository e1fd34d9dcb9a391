import { linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode InverseSqrtLR}. */
export type InverseSqrtLROptions = SchedulerOptions<
  InverseSqrtLR,
  "warmupSteps" | "warmupStartLr"
>;

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
 * {@link https://arxiv.org/abs/1706.03762 | Vaswani et al., 2017}, whose rate this
 * is for a `baseLr` of `(dModel · warmupSteps)^-½`.
 *
 * Take it for transformers where the length of the run is not known.
 */
export class InverseSqrtLR extends LRScheduler {
  /** The step that reaches the base rate. Default: 4000. */
  readonly warmupSteps: number = 4000;
  /** The rate at step 0. Default: 0. */
  readonly warmupStartLr: number = 0;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: InverseSqrtLROptions = {}) {
    super(options);
    configure(this, options, {
      warmupSteps: "a positive integer",
      warmupStartLr: "a nonnegative finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { warmupSteps, warmupStartLr } = this;
    if (epoch < warmupSteps) {
      return linear(warmupStartLr, baseLr, epoch / warmupSteps);
    }
    return baseLr * Math.sqrt(warmupSteps / epoch);
  }
}
