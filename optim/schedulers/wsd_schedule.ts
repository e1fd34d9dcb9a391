import { oneOf, refuse } from "../../internal/check.ts";
import { cosine, linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

const DECAYS = {
  linear,
  cosine,
  "1-sqrt": (from: number, to: number, x: number) =>
    linear(from, to, Math.sqrt(x)),
};

/** Options of {@linkcode WSDSchedule}. */
export type WSDScheduleOptions = SchedulerOptions<
  WSDSchedule,
  | "warmupSteps"
  | "totalSteps"
  | "decaySteps"
  | "decay"
  | "warmupStartLr"
  | "etaMin"
>;

/**
 * Warmup, stable, decay: a straight line up to the base rate, which stays for most
 * of the run and falls to `etaMin` at its end.
 *
 * ```text
 * W = warmupSteps, T = totalSteps, D = decaySteps, p = (e - (T - D)) / D
 *
 * lr(e) = warmupStartLr + (baseLr - warmupStartLr) · e / W   e < W
 *         baseLr                                             e < T - D
 *         etaMin + (baseLr - etaMin) · f(p)                  e < T
 *         etaMin                                             after
 *
 * f(p) = 1 - p, (1 + cos(π p)) / 2 or 1 - √p
 * ```
 *
 * A run can be continued from any checkpoint of its stable part, with more
 * `totalSteps`.
 *
 * {@link https://arxiv.org/abs/2404.06395 | Hu et al., 2024}; `"1-sqrt"` from
 * {@link https://arxiv.org/abs/2405.18392 | Hägele et al., 2024}.
 *
 * Take it where the length of the run is decided late.
 */
export class WSDSchedule extends LRScheduler {
  /** The step that reaches the base rate. Default: 1000. */
  readonly warmupSteps: number = 1000;
  /** The step that reaches `etaMin`. Default: 10000. */
  readonly totalSteps: number = 10000;
  /** How many steps before `totalSteps` the decay begins. Default: 1000. */
  readonly decaySteps: number = 1000;
  /** The curve of the decay. Default: "1-sqrt". */
  readonly decay: "linear" | "cosine" | "1-sqrt" = "1-sqrt";
  /** The rate at step 0. Default: 0. */
  readonly warmupStartLr: number = 0;
  /** The last rate. Default: 0. */
  readonly etaMin: number = 0;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: WSDScheduleOptions = {}) {
    super(options);
    configure(this, options, {
      warmupSteps: "a nonnegative integer",
      totalSteps: "a positive integer",
      decaySteps: "a nonnegative integer",
      decay: oneOf("linear", "cosine", "1-sqrt"),
      warmupStartLr: "a nonnegative finite number",
      etaMin: "a nonnegative finite number",
    });
    const least = this.warmupSteps + this.decaySteps;
    if (least > this.totalSteps) {
      const rule = `at least warmupSteps + decaySteps (${least})`;
      refuse(`create ${new.target.name}`, "totalSteps", rule, this.totalSteps);
    }
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { warmupSteps, totalSteps, decaySteps, warmupStartLr, etaMin } = this;
    if (epoch < warmupSteps) {
      return linear(warmupStartLr, baseLr, epoch / warmupSteps);
    }
    if (epoch >= totalSteps) return etaMin;
    const x = (epoch - (totalSteps - decaySteps)) / decaySteps;
    return x > 0 ? DECAYS[this.decay](baseLr, etaMin, x) : baseLr;
  }
}
