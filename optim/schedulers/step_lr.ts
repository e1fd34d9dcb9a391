import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode StepLR}. */
export type StepLROptions = SchedulerOptions<StepLR, "stepSize" | "gamma">;

/**
 * Multiplies the rate by `gamma` every `stepSize` epochs.
 *
 * ```text
 * lr(e) = baseLr · gamma^⌊e / stepSize⌋
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.StepLR`.
 *
 * Take it for long runs of convolutional networks, where the loss falls after each
 * cut.
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
  /** The number of epochs between two cuts. Default: 30. */
  readonly stepSize: number = 30;
  /** The factor of each cut. Default: 0.1. */
  readonly gamma: number = 0.1;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: StepLROptions = {}) {
    super(options);
    configure(this, options, {
      stepSize: "a positive integer",
      gamma: "a nonnegative finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    return baseLr * this.gamma ** Math.floor(epoch / this.stepSize);
  }
}
