import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode ExponentialLR}. */
export type ExponentialLROptions = SchedulerOptions<ExponentialLR, "gamma">;

/**
 * Multiplies the rate by `gamma` every epoch.
 *
 * ```text
 * lr(e) = baseLr · gamma^e
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.ExponentialLR`.
 *
 * Take it where the length of the run is not known: it falls evenly, and never to 0.
 */
export class ExponentialLR extends LRScheduler {
  /** The factor of each epoch. Default: 0.95. */
  readonly gamma: number = 0.95;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: ExponentialLROptions = {}) {
    super(options);
    configure(this, options, { gamma: "a nonnegative finite number" });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    return baseLr * this.gamma ** epoch;
  }
}
