import { checkNumber, checkOneOf } from "./checks.ts";
import { cosine, linear } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

const DECAYS = {
  linear,
  cosine,
  "1-sqrt": (from: number, to: number, share: number) =>
    linear(from, to, Math.sqrt(share)),
};

/** Options of {@linkcode WSDSchedule}. */
export interface WSDScheduleOptions extends LRSchedulerOptions {
  /** The step that reaches the base rate. Default: 1000. */
  readonly warmupSteps?: number | undefined;
  /** The step that reaches `etaMin`. Default: 10000. */
  readonly totalSteps?: number | undefined;
  /** How many steps before `totalSteps` the decay begins. Default: 1000. */
  readonly decaySteps?: number | undefined;
  /** The shape of the decay. Default: "1-sqrt". */
  readonly decay?: "linear" | "cosine" | "1-sqrt" | undefined;
  /** The rate at step 0. Default: 0. */
  readonly warmupStartLr?: number | undefined;
  /** The last rate. Default: 0. */
  readonly etaMin?: number | undefined;
}

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
 * A run can go on from any checkpoint of its stable part: give more `totalSteps`.
 *
 * From Hu et al., "MiniCPM: Unveiling the Potential of Small Language Models with
 * Scalable Training Strategies" (2024), https://arxiv.org/abs/2404.06395; `"1-sqrt"`
 * from Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed
 * Training Durations" (2024), https://arxiv.org/abs/2405.18392.
 */
export class WSDSchedule extends LRScheduler {
  /** The step that reaches the base rate. */
  readonly warmupSteps: number;
  /** The step that reaches `etaMin`. */
  readonly totalSteps: number;
  /** How many steps before `totalSteps` the decay begins. */
  readonly decaySteps: number;
  /** The shape of the decay. */
  readonly decay: "linear" | "cosine" | "1-sqrt";
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
      decaySteps = 1000,
      decay = "1-sqrt",
      warmupStartLr = 0,
      etaMin = 0,
      ...base
    }: WSDScheduleOptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "warmupSteps", warmupSteps, "a nonnegative integer");
    checkNumber(action, "totalSteps", totalSteps, "a positive integer");
    checkNumber(action, "decaySteps", decaySteps, "a nonnegative integer");
    checkOneOf(action, "decay", decay, ["linear", "cosine", "1-sqrt"]);
    checkNumber(
      action,
      "warmupStartLr",
      warmupStartLr,
      "a nonnegative finite number",
    );
    checkNumber(action, "etaMin", etaMin, "a nonnegative finite number");
    if (warmupSteps + decaySteps > totalSteps) {
      throw new RangeError(
        `Cannot ${action}: totalSteps must be at least warmupSteps + decaySteps (${
          warmupSteps + decaySteps
        }): current value is ${totalSteps}`,
      );
    }
    this.warmupSteps = warmupSteps;
    this.totalSteps = totalSteps;
    this.decaySteps = decaySteps;
    this.decay = decay;
    this.warmupStartLr = warmupStartLr;
    this.etaMin = etaMin;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { warmupSteps, totalSteps, decaySteps, warmupStartLr, etaMin } = this;
    if (epoch < warmupSteps) {
      return linear(warmupStartLr, baseLr, epoch / warmupSteps);
    }
    if (epoch >= totalSteps) return etaMin;
    const share = (epoch - (totalSteps - decaySteps)) / decaySteps;
    return share > 0 ? DECAYS[this.decay](baseLr, etaMin, share) : baseLr;
  }
}
