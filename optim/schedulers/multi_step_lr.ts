import { checkNumber, checkNumbers, checkRising } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode MultiStepLR}. */
export interface MultiStepLROptions extends LRSchedulerOptions {
  /** The epochs of the cuts, sorted. Default: [30, 60, 90]. */
  readonly milestones?: readonly number[] | undefined;
  /** What a cut multiplies the rate by. Default: 0.1. */
  readonly gamma?: number | undefined;
}

/**
 * The rate is cut at each milestone.
 *
 * ```text
 * lr(e) = baseLr · gamma^(number of milestones ≤ e)
 * ```
 *
 * A milestone named twice cuts twice. The rule of
 * `torch.optim.lr_scheduler.MultiStepLR`.
 */
export class MultiStepLR extends LRScheduler {
  /** The epochs of the cuts, sorted. */
  readonly milestones: readonly number[];
  /** What a cut multiplies the rate by. */
  readonly gamma: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { milestones = [30, 60, 90], gamma = 0.1, ...base }: MultiStepLROptions =
      {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "gamma", gamma, "a nonnegative finite number");
    checkNumbers(action, "milestones", milestones, "a nonnegative integer");
    checkRising(action, "milestones", milestones, { repeats: true });
    this.milestones = [...milestones];
    this.gamma = gamma;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const cuts = this.milestones.filter((milestone) => milestone <= epoch);
    return baseLr * this.gamma ** cuts.length;
  }
}
