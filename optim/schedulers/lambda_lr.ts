import { factors, type LrFactor } from "./factor.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode LambdaLR}. */
export interface LambdaLROptions extends LRSchedulerOptions {
  /**
   * What the base rate is multiplied by; a list has one function per parameter
   * group, and groups beyond it share the last one.
   */
  readonly lrLambda: LrFactor | readonly LrFactor[];
}

/**
 * The base rate times a function of the epoch.
 *
 * ```text
 * lr(e) = baseLr · lrLambda(e)
 * ```
 *
 * The function has to be pure. It is not part of `stateDict`. A rate that is
 * negative or not finite throws.
 *
 * The rule of `torch.optim.lr_scheduler.LambdaLR`.
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
  readonly #lambdas: readonly LrFactor[];

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor({ lrLambda, ...base }: LambdaLROptions) {
    super(base);
    this.#lambdas = factors(
      `create ${new.target.name}`,
      lrLambda,
      this.baseLrs.length,
    );
  }

  /** The rate: see the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const lambda = this.#lambdas[group] ?? this.#lambdas.at(-1)!;
    return baseLr * lambda(epoch);
  }
}
