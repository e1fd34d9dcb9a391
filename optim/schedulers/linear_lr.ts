import { linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode LinearLR}. */
export type LinearLROptions = SchedulerOptions<
  LinearLR,
  "startFactor" | "endFactor" | "totalIters"
>;

/**
 * Multiplies the rate by a factor that changes along a straight line.
 *
 * ```text
 * lr(e) = baseLr · (startFactor + (endFactor - startFactor) · min(e / totalIters, 1))
 * ```
 *
 * With `totalIters` 0 the factor is `endFactor` from the start. The rule of
 * `torch.optim.lr_scheduler.LinearLR`.
 *
 * Take it for a short warmup, or to lower a rate evenly.
 */
export class LinearLR extends LRScheduler {
  /** The factor at epoch 0. Default: 1 / 3. */
  readonly startFactor: number = 1 / 3;
  /** The factor from epoch `totalIters` on. Default: 1. */
  readonly endFactor: number = 1;
  /** The epoch that reaches `endFactor`. Default: 5. */
  readonly totalIters: number = 5;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: LinearLROptions = {}) {
    super(options);
    configure(this, options, {
      startFactor: "a nonnegative finite number",
      endFactor: "a nonnegative finite number",
      totalIters: "a nonnegative integer",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { startFactor, endFactor, totalIters } = this;
    const x = epoch < totalIters ? epoch / totalIters : 1;
    return baseLr * linear(startFactor, endFactor, x);
  }
}
