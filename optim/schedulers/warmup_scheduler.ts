import { checkNumber } from "./checks.ts";
import { linear } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode WarmupScheduler}. */
export interface WarmupSchedulerOptions extends LRSchedulerOptions {
  /** The epoch that reaches the base rate. Default: 5. */
  readonly warmupEpochs?: number | undefined;
  /** The rate at epoch 0. Default: 0. */
  readonly warmupStartLr?: number | undefined;
}

/**
 * A straight line up to the base rate, which stays.
 *
 * ```text
 * lr(e) = warmupStartLr + (baseLr - warmupStartLr) · min(e / warmupEpochs, 1)
 * ```
 *
 * With `warmupEpochs` 0 there is no warmup. The first step is taken with
 * `warmupStartLr`: with 0, the default, it changes nothing.
 *
 * From Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour"
 * (2017), https://arxiv.org/abs/1706.02677.
 */
export class WarmupScheduler extends LRScheduler {
  /** The epoch that reaches the base rate. */
  readonly warmupEpochs: number;
  /** The rate at epoch 0. */
  readonly warmupStartLr: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { warmupEpochs = 5, warmupStartLr = 0, ...base }: WarmupSchedulerOptions =
      {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "warmupEpochs", warmupEpochs, "a nonnegative integer");
    checkNumber(
      action,
      "warmupStartLr",
      warmupStartLr,
      "a nonnegative finite number",
    );
    this.warmupEpochs = warmupEpochs;
    this.warmupStartLr = warmupStartLr;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    if (epoch >= this.warmupEpochs) return baseLr;
    return linear(this.warmupStartLr, baseLr, epoch / this.warmupEpochs);
  }
}
