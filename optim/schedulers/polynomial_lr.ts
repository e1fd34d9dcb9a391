import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode PolynomialLR}. */
export type PolynomialLROptions = SchedulerOptions<
  PolynomialLR,
  "totalIters" | "power"
>;

/**
 * Lowers the rate to 0 in `totalIters` epochs, along a polynomial.
 *
 * ```text
 * lr(e) = baseLr · (1 - min(e, totalIters) / totalIters)^power
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.PolynomialLR`.
 *
 * Take it for a fall to 0 at a known end: with `power` 1, as BERT was fine-tuned; with
 * 0.9, as networks for segmentation are.
 */
export class PolynomialLR extends LRScheduler {
  /** The epoch that reaches 0. Default: 5. */
  readonly totalIters: number = 5;
  /** The exponent; 1 is a straight line. Default: 1. */
  readonly power: number = 1;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: PolynomialLROptions = {}) {
    super(options);
    configure(this, options, {
      totalIters: "a positive integer",
      power: "a positive finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const left = 1 - Math.min(epoch, this.totalIters) / this.totalIters;
    return baseLr * left ** this.power;
  }
}
