import { checkNumber, checkOneOf } from "./checks.ts";
import { cosine } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode CosineAnnealingLR}. */
export interface CosineAnnealingLROptions extends LRSchedulerOptions {
  /** The epoch that reaches `etaMin`. Default: 50. */
  readonly tMax?: number | undefined;
  /** The lowest rate. Default: 0. */
  readonly etaMin?: number | undefined;
  /**
   * After `tMax`: `"braintools"` stays at `etaMin`, `"torch"` rises again, and
   * oscillates with a period of `2 · tMax`. Default: "braintools".
   */
  readonly variant?: "torch" | "braintools" | undefined;
}

/**
 * Half a cosine from the base rate down to `etaMin`.
 *
 * ```text
 * lr(e) = etaMin + (baseLr - etaMin) · (1 + cos(π e / tMax)) / 2
 * ```
 *
 * with `e` no more than `tMax`, unless `variant` is `"torch"`.
 *
 * From Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
 * Restarts" (2017), https://arxiv.org/abs/1608.03983, without the restarts: see
 * {@linkcode CosineAnnealingWarmRestarts}.
 */
export class CosineAnnealingLR extends LRScheduler {
  /** The epoch that reaches `etaMin`. */
  readonly tMax: number;
  /** The lowest rate. */
  readonly etaMin: number;
  /** What happens after `tMax`. */
  readonly variant: "torch" | "braintools";

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { tMax = 50, etaMin = 0, variant = "braintools", ...base }:
      CosineAnnealingLROptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "tMax", tMax, "a positive integer");
    checkNumber(action, "etaMin", etaMin, "a nonnegative finite number");
    checkOneOf(action, "variant", variant, ["torch", "braintools"]);
    this.tMax = tMax;
    this.etaMin = etaMin;
    this.variant = variant;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { tMax, etaMin } = this;
    if (this.variant === "braintools") epoch = Math.min(epoch, tMax);
    // Taken modulo the period, or the cosine of a large angle loses digits.
    return cosine(baseLr, etaMin, (epoch % (2 * tMax)) / tMax);
  }
}
