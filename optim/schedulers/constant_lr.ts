import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode ConstantLR}. */
export type ConstantLROptions = SchedulerOptions<
  ConstantLR,
  "factor" | "totalIters"
>;

/**
 * Multiplies the rate by `factor` for the first epochs.
 *
 * ```text
 * lr(e) = baseLr · factor   e < totalIters
 *         baseLr            after
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.ConstantLR`.
 *
 * Take it to begin a run gently, at a smaller rate for a few epochs.
 */
export class ConstantLR extends LRScheduler {
  /** The factor of the first epochs. Default: 1 / 3. */
  readonly factor: number = 1 / 3;
  /** The number of epochs with `factor`. Default: 5. */
  readonly totalIters: number = 5;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: ConstantLROptions = {}) {
    super(options);
    configure(this, options, {
      factor: "a nonnegative finite number",
      totalIters: "a nonnegative integer",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    return epoch < this.totalIters ? baseLr * this.factor : baseLr;
  }
}
