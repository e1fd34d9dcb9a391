import { refuse } from "../../internal/check.ts";
import { cosine, linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode WarmupCosineSchedule}. */
export type WarmupCosineScheduleOptions = SchedulerOptions<
  WarmupCosineSchedule,
  "warmupSteps" | "totalSteps" | "warmupStartLr" | "etaMin"
>;

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
 *
 * Take it for transformers, and as a first try where the length of the run is known.
 */
export class WarmupCosineSchedule extends LRScheduler {
  /** The step that reaches the base rate. Default: 1000. */
  readonly warmupSteps: number = 1000;
  /** The step that reaches `etaMin`; more than `warmupSteps`. Default: 10000. */
  readonly totalSteps: number = 10000;
  /** The rate at step 0. Default: 0. */
  readonly warmupStartLr: number = 0;
  /** The last rate. Default: 0. */
  readonly etaMin: number = 0;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: WarmupCosineScheduleOptions = {}) {
    super(options);
    configure(this, options, {
      warmupSteps: "a nonnegative integer",
      totalSteps: "a positive integer",
      warmupStartLr: "a nonnegative finite number",
      etaMin: "a nonnegative finite number",
    });
    const { warmupSteps, totalSteps } = this;
    if (totalSteps <= warmupSteps) {
      const rule = `more than warmupSteps (${warmupSteps})`;
      refuse(`create ${new.target.name}`, "totalSteps", rule, totalSteps);
    }
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { warmupSteps, totalSteps, warmupStartLr, etaMin } = this;
    if (epoch < warmupSteps) {
      return linear(warmupStartLr, baseLr, epoch / warmupSteps);
    }
    const x = (epoch - warmupSteps) / (totalSteps - warmupSteps);
    return cosine(baseLr, etaMin, Math.min(x, 1));
  }
}
