import { sortedListOf } from "../../internal/check.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode MultiStepLR}. */
export type MultiStepLROptions = SchedulerOptions<
  MultiStepLR,
  "milestones" | "gamma"
>;

/**
 * Multiplies the rate by `gamma` at each milestone; at one that is listed twice,
 * by `gamma²`.
 *
 * ```text
 * lr(e) = baseLr · gamma^(number of milestones ≤ e)
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.MultiStepLR`.
 *
 * Take it for {@linkcode StepLR} with cuts where you say: ResNet was trained with cuts
 * at about one half and three quarters.
 */
export class MultiStepLR extends LRScheduler {
  /** The epochs of the cuts, sorted. Default: [30, 60, 90]. */
  readonly milestones: readonly number[] = [30, 60, 90];
  /** The factor of each cut. Default: 0.1. */
  readonly gamma: number = 0.1;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: MultiStepLROptions = {}) {
    super(options);
    configure(this, options, {
      milestones: sortedListOf("a nonnegative integer"),
      gamma: "a nonnegative finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const cuts = this.milestones.filter((milestone) => milestone <= epoch);
    return baseLr * this.gamma ** cuts.length;
  }
}
