/**
 * Fromage.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode fromage}. */
export interface FromageOptions extends tx.OptimizerOptions {
  /** The decay rate of the velocity of gradients. Default: 0. */
  readonly momentum?: number | undefined;
}

const RULES: OptionRules<FromageOptions> = {
  ...tx.OPTIMIZER_RULES,
  momentum: "a nonnegative finite number",
};

/**
 * Steps of a fixed length in norms of each parameter, which do not make it grow.
 *
 * ```text
 * θ ← (θ - α ‖θ‖ / ‖g‖ g) / √(1 + α²)      the ratio is 1 where a norm is 0
 * ```
 *
 * With momentum, g is a decaying sum of gradients ({@linkcode trace}).
 *
 * {@link https://arxiv.org/abs/2002.03432 | Bernstein et al., 2020}.
 *
 * @param options `lr` is 1e-2 by default.
 * @returns The transformation.
 */
export function fromage(
  options: FromageOptions = {},
): tx.GradientTransformation {
  checkOptions("create Fromage", options, RULES);
  const { momentum = 0 } = options;
  const rate = tx.rateOf(options.lr, 1e-2);
  const shrink = (lr: number) => 1 / Math.sqrt(1 + lr * lr);
  return tx.chain(
    ...tx.clips(options),
    ...(momentum ? [tx.trace({ decay: momentum })] : []),
    {
      defaultLr: 1e-2,
      ...tx.elementwise({
        scalars: {
          length: (info) => rate(info) * shrink(rate(info)),
          growth: (info) => shrink(rate(info)) - 1,
        },
        update: ({ update: g, param }, { length, growth }) => ({
          update: param.mul(growth).sub(
            g.mul(tx.trustRatio(param, g).mul(length)),
          ),
        }),
      }),
    },
  );
}

/**
 * The optimizer of {@linkcode fromage}.
 *
 * Take it where one rate has to suit layers of all sizes: the rate is the change of a
 * parameter relative to its norm. It keeps nothing without momentum.
 */
export class Fromage extends Optimizer<FromageOptions> {
  /** Create the optimizer. `lr` is 1e-2 by default. */
  constructor(options: FromageOptions = {}) {
    super(options, fromage);
  }
}
