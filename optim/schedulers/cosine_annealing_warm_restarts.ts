import { checkNumber } from "./checks.ts";
import { cosine } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode CosineAnnealingWarmRestarts}. */
export interface CosineAnnealingWarmRestartsOptions extends LRSchedulerOptions {
  /** The length of the first cycle. Default: 10. */
  readonly t0?: number | undefined;
  /** What each restart multiplies the length by. Default: 1. */
  readonly tMult?: number | undefined;
  /** The lowest rate. Default: 0. */
  readonly etaMin?: number | undefined;
}

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
 * From Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
 * Restarts" (2017), https://arxiv.org/abs/1608.03983; the rule of
 * `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  /** The length of the first cycle. */
  readonly t0: number;
  /** What each restart multiplies the length by. */
  readonly tMult: number;
  /** The lowest rate. */
  readonly etaMin: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { t0 = 10, tMult = 1, etaMin = 0, ...base }:
      CosineAnnealingWarmRestartsOptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "t0", t0, "a positive integer");
    checkNumber(action, "tMult", tMult, "a positive integer");
    checkNumber(action, "etaMin", etaMin, "a nonnegative finite number");
    this.t0 = t0;
    this.tMult = tMult;
    this.etaMin = etaMin;
  }

  /** The rate: see the formula above. */
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
