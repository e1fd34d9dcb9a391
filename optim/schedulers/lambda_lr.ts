import { anything, checkOptions } from "../../internal/check.ts";
import { factorsOf, type LrFactor } from "./factor.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode LambdaLR} and {@linkcode MultiplicativeLR}. */
export interface LambdaLROptions extends LRSchedulerOptions {
  /**
   * The factor of an epoch; a list has one function per parameter group, and
   * groups beyond it use the last one.
   */
  readonly lrLambda: LrFactor | readonly LrFactor[];
}

/**
 * Multiplies the base rate by a function of the epoch.
 *
 * ```text
 * lr(e) = baseLr · lrLambda(e)
 * ```
 *
 * The function must be pure. It is not part of `stateDict`. A rate that is
 * negative or not finite throws.
 *
 * The rule of `torch.optim.lr_scheduler.LambdaLR`.
 *
 * Take it for a curve that is not in the list.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const scheduler = new optim.LambdaLR({
 *   baseLr: 1,
 *   lrLambda: (epoch) => 1 / (1 + epoch),
 * });
 * assertEquals(scheduler.lrAt(3), 0.25);
 * ```
 */
export class LambdaLR extends LRScheduler {
  /** One function for all groups, or one for each. */
  protected readonly factors: readonly LrFactor[];

  /** Create the scheduler from its function. */
  constructor(options: LambdaLROptions) {
    super(options);
    const action = `create ${new.target.name}`;
    checkOptions<LambdaLROptions>(action, options, {
      lrLambda: anything,
      baseLr: anything,
      lastEpoch: anything,
    });
    this.factors = factorsOf(action, options.lrLambda, this.baseLrs.length);
  }

  /** See the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const lambda = this.factors[group] ?? this.factors.at(-1)!;
    return baseLr * lambda(epoch);
  }
}
