import { LambdaLR, type LambdaLROptions } from "./lambda_lr.ts";

/** Options of {@linkcode MultiplicativeLR}. */
export interface MultiplicativeLROptions extends LambdaLROptions {}

/**
 * Multiplies the rate by a function of the epoch every epoch.
 *
 * ```text
 * lr(e) = baseLr · lrLambda(1) · lrLambda(2) · … · lrLambda(e)
 * ```
 *
 * The function must be pure: an epoch before the last one asked for is computed
 * from the beginning. It is not part of `stateDict`. A rate that is negative or
 * not finite throws.
 *
 * The rule of `torch.optim.lr_scheduler.MultiplicativeLR`.
 *
 * Take it for a factor that depends on the epoch; with one that does not,
 * {@linkcode ExponentialLR} is the same.
 */
export class MultiplicativeLR extends LambdaLR {
  /** The last product of each function, so that a step costs one call. */
  readonly #products: { epoch: number; product: number }[] = this.factors.map(
    () => ({ epoch: 0, product: 1 }),
  );

  /** See the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const i = Math.min(group, this.factors.length - 1);
    const last = Math.floor(epoch);
    let known = this.#products[i]!;
    if (known.epoch > last) known = { epoch: 0, product: 1 };
    let { product } = known;
    for (let e = known.epoch + 1; e <= last; e++) {
      product *= this.factors[i]!(e);
    }
    this.#products[i] = { epoch: last, product };
    return baseLr * product;
  }
}
