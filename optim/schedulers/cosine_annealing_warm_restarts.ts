import { cosine } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode CosineAnnealingWarmRestarts}. */
export type CosineAnnealingWarmRestartsOptions = SchedulerOptions<
  CosineAnnealingWarmRestarts,
  "t0" | "tMult" | "etaMin"
>;

/**
 * Half a cosine from the base rate down to `etaMin`, again and again, each time
 * `tMult` times as long.
 *
 * ```text
 * lr(e) = etaMin + (baseLr - etaMin) · (1 + cos(π tCur / tI)) / 2
 * ```
 *
 * `tI` is the length of the cycle that `e` is in, `t0 · tMult^n`, and `tCur` counts
 * from its start.
 *
 * {@link https://arxiv.org/abs/1608.03983 | Loshchilov and Hutter, 2017}; the rule
 * of `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
 *
 * Take it where models are wanted at several times of a run: the weights at the end of
 * each cycle are good ones.
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  /** The length of the first cycle. Default: 10. */
  readonly t0: number = 10;
  /** The factor by which each cycle is longer than the one before. Default: 1. */
  readonly tMult: number = 1;
  /** The lowest rate. Default: 0. */
  readonly etaMin: number = 0;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: CosineAnnealingWarmRestartsOptions = {}) {
    super(options);
    configure(this, options, {
      t0: "a positive integer",
      tMult: "a positive integer",
      etaMin: "a nonnegative finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    let [start, length] = [0, this.t0];
    if (this.tMult === 1) start = epoch - epoch % length;
    while (epoch - start >= length) {
      start += length;
      length *= this.tMult;
    }
    return cosine(baseLr, this.etaMin, (epoch - start) / length);
  }
}
