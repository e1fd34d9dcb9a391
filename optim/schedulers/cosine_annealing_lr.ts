import { oneOf } from "../../internal/check.ts";
import { cosine } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode CosineAnnealingLR}. */
export type CosineAnnealingLROptions = SchedulerOptions<
  CosineAnnealingLR,
  "tMax" | "etaMin" | "variant"
>;

/**
 * Half a cosine from the base rate down to `etaMin`.
 *
 * ```text
 * lr(e) = etaMin + (baseLr - etaMin) · (1 + cos(π e / tMax)) / 2
 * ```
 *
 * with `e` at most `tMax`, unless `variant` is `"torch"`.
 *
 * {@link https://arxiv.org/abs/1608.03983 | Loshchilov and Hutter, 2017}, without
 * the restarts: see {@linkcode CosineAnnealingWarmRestarts}.
 *
 * Take it for a run of known length: it stays high at first and ends gently. With a
 * warmup, take {@linkcode WarmupCosineSchedule}.
 */
export class CosineAnnealingLR extends LRScheduler {
  /** The epoch that reaches `etaMin`. Default: 50. */
  readonly tMax: number = 50;
  /** The lowest rate. Default: 0. */
  readonly etaMin: number = 0;
  /**
   * After `tMax`, `"braintools"` stays at `etaMin`; `"torch"` rises again, and
   * oscillates with a period of `2 · tMax`. Default: "braintools".
   */
  readonly variant: "torch" | "braintools" = "braintools";

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: CosineAnnealingLROptions = {}) {
    super(options);
    configure(this, options, {
      tMax: "a positive integer",
      etaMin: "a nonnegative finite number",
      variant: oneOf("torch", "braintools"),
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { tMax, etaMin } = this;
    if (this.variant === "braintools") epoch = Math.min(epoch, tMax);
    // Taken modulo the period, or the cosine of a large angle loses digits.
    return cosine(baseLr, etaMin, (epoch % (2 * tMax)) / tMax);
  }
}
