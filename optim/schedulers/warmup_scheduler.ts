import { linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode WarmupScheduler}. */
export type WarmupSchedulerOptions = SchedulerOptions<
  WarmupScheduler,
  "warmupEpochs" | "warmupStartLr"
>;

/**
 * A straight line up to the base rate, which then stays.
 *
 * ```text
 * lr(e) = warmupStartLr + (baseLr - warmupStartLr) · min(e / warmupEpochs, 1)
 * ```
 *
 * With `warmupEpochs` 0 there is no warmup. The first step is taken with
 * `warmupStartLr`: with 0, the default, it changes nothing.
 *
 * {@link https://arxiv.org/abs/1706.02677 | Goyal et al., 2017}.
 *
 * Take it before large rates, with large batches or Adam, whose first steps are
 * unsure; followed by another one, in a {@linkcode SequentialLR}.
 */
export class WarmupScheduler extends LRScheduler {
  /** The epoch that reaches the base rate. Default: 5. */
  readonly warmupEpochs: number = 5;
  /** The rate at epoch 0. Default: 0. */
  readonly warmupStartLr: number = 0;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: WarmupSchedulerOptions = {}) {
    super(options);
    configure(this, options, {
      warmupEpochs: "a nonnegative integer",
      warmupStartLr: "a nonnegative finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    if (epoch >= this.warmupEpochs) return baseLr;
    return linear(this.warmupStartLr, baseLr, epoch / this.warmupEpochs);
  }
}
