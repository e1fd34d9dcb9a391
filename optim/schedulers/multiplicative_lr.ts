import { factors, type LrFactor } from "./factor.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode MultiplicativeLR}. */
export interface MultiplicativeLROptions extends LRSchedulerOptions {
  /**
   * What each epoch multiplies the rate by; a list has one function per parameter
   * group, and groups beyond it share the last one.
   */
  readonly lrLambda: LrFactor | readonly LrFactor[];
}

/**
 * The rate is multiplied by a function of the epoch every epoch.
 *
 * ```text
 * lr(e) = baseLr · lrLambda(1) · lrLambda(2) · … · lrLambda(e)
 * ```
 *
 * The function has to be pure: an epoch before the last one asked for is computed
 * from the beginning. It is not part of `stateDict`. A rate that is negative or
 * not finite throws.
 *
 * The rule of `torch.optim.lr_scheduler.MultiplicativeLR`.
 */
export class MultiplicativeLR extends LRScheduler {
  readonly #lambdas: readonly LrFactor[];
  /** The last product of each function, so that a step costs one call. */
  readonly #products: { epoch: number; product: number }[];

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor({ lrLambda, ...base }: MultiplicativeLROptions) {
    super(base);
    this.#lambdas = factors(
      `create ${new.target.name}`,
      lrLambda,
      this.baseLrs.length,
    );
    this.#products = this.#lambdas.map(() => ({ epoch: 0, product: 1 }));
  }

  /** The rate: see the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const i = Math.min(group, this.#lambdas.length - 1);
    const last = Math.floor(epoch);
    let known = this.#products[i]!;
    if (known.epoch > last) known = { epoch: 0, product: 1 };
    let { product } = known;
    for (let e = known.epoch + 1; e <= last; e++) {
      product *= this.#lambdas[i]!(e);
    }
    this.#products[i] = { epoch: last, product };
    return baseLr * product;
  }
}
