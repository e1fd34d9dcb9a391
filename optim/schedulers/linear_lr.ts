import { checkNumber } from "./checks.ts";
import { linear } from "./curves.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode LinearLR}. */
export interface LinearLROptions extends LRSchedulerOptions {
  /** The share at epoch 0. Default: 1 / 3. */
  readonly startFactor?: number | undefined;
  /** The share from `totalIters` on. Default: 1. */
  readonly endFactor?: number | undefined;
  /** The epoch that reaches `endFactor`. Default: 5. */
  readonly totalIters?: number | undefined;
}

/**
 * A straight line from one share of the base rate to another.
 *
 * ```text
 * lr(e) = baseLr · (startFactor + (endFactor - startFactor) · min(e / totalIters, 1))
 * ```
 *
 * With `totalIters` 0 it is `endFactor` from the start. The rule of
 * `torch.optim.lr_scheduler.LinearLR`.
 */
export class LinearLR extends LRScheduler {
  /** The share at epoch 0. */
  readonly startFactor: number;
  /** The share from `totalIters` on. */
  readonly endFactor: number;
  /** The epoch that reaches `endFactor`. */
  readonly totalIters: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    { startFactor = 1 / 3, endFactor = 1, totalIters = 5, ...base }:
      LinearLROptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(
      action,
      "startFactor",
      startFactor,
      "a nonnegative finite number",
    );
    checkNumber(action, "endFactor", endFactor, "a nonnegative finite number");
    checkNumber(action, "totalIters", totalIters, "a nonnegative integer");
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { startFactor, endFactor, totalIters } = this;
    const share = epoch < totalIters ? epoch / totalIters : 1;
    return baseLr * linear(startFactor, endFactor, share);
  }
}
