import { checkNumber } from "./checks.ts";
import { cosine, linear } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode WarmupCosineSchedule}. */
export interface WarmupCosineScheduleOptions extends LRSchedulerOptions {
  /** The step that reaches the base rate. Default: 1000. */
  readonly warmupSteps?: number | undefined;
  /**
   * The step that reaches `etaMin`; more than `warmupSteps`. Default: 10000.
   */
  readonly totalSteps?: number | undefined;
  /** The rate at step 0. Default: 0. */
  readonly warmupStartLr?: number | undefined;
  /** The last rate. Default: 0. */
  readonly etaMin?: number | undefined;
}

/**
 * A straight line up to the base rate, then half a cosine down to `etaMin`.
 *
 * ```text
 * W = warmupSteps, T = totalSteps
 *
 * lr(e) = warmupStartLr + (baseLr - warmupStartLr) · e / W                 e < W
 *         etaMin + (baseLr - etaMin) · (1 + cos(π (e - W) / (T - W))) / 2  e < T
 *         etaMin                                                           after
 * ```
 */
export class WarmupCosineSchedule extends LRScheduler {
  /** The step that reaches the base rate. */
  readonly warmupSteps: number;
  /** The step that reaches `etaMin`; more than `warmupSteps`. */
  readonly totalSteps: number;
  /** The rate at step 0. */
  readonly warmupStartLr: number;
  /** The last rate. */
  readonly etaMin: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    {
      warmupSteps = 1000,
      totalSteps = 10000,
      warmupStartLr = 0,
      etaMin = 0,
      ...base
    }: WarmupCosineScheduleOptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "warmupSteps", warmupSteps, "a nonnegative integer");
    checkNumber(action, "totalSteps", totalSteps, "a positive integer");
    checkNumber(
      action,
      "warmupStartLr",
      warmupStartLr,
      "a nonnegative finite number",
    );
    checkNumber(action, "etaMin", etaMin, "a nonnegative finite number");
    if (totalSteps <= warmupSteps) {
      throw new RangeError(
        `Cannot ${action}: totalSteps must be more than warmupSteps (${warmupSteps}): current value is ${totalSteps}`,
      );
    }
    this.warmupSteps = warmupSteps;
    this.totalSteps = totalSteps;
    this.warmupStartLr = warmupStartLr;
    this.etaMin = etaMin;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { warmupSteps, totalSteps, warmupStartLr, etaMin } = this;
    if (epoch < warmupSteps) {
      return linear(warmupStartLr, baseLr, epoch / warmupSteps);
    }
    const share = (epoch - warmupSteps) / (totalSteps - warmupSteps);
    return cosine(baseLr, etaMin, Math.min(share, 1));
  }
}
