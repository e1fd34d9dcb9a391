/**
 * FTRL.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode ftrl}. */
export interface FtrlOptions extends tx.OptimizerOptions {
  /** The penalty λ₁ of the sum of absolute weights. Default: 0. */
  readonly l1?: number | undefined;
  /** The penalty λ₂ of the sum of squared weights, in the point. Default: 0. */
  readonly l2?: number | undefined;
  /** The penalty λ of the sum of squared weights, in the gradient. Default: 0. */
  readonly l2Shrinkage?: number | undefined;
  /** Added to the root of the sum of squares. Default: 0. */
  readonly beta?: number | undefined;
  /** The sum of squares before the first step. Default: 0.1. */
  readonly initialAccumulatorValue?: number | undefined;
}

const RULES: OptionRules<FtrlOptions> = {
  ...tx.OPTIMIZER_RULES,
  l1: "a nonnegative finite number",
  l2: "a nonnegative finite number",
  l2Shrinkage: "a nonnegative finite number",
  beta: "a nonnegative finite number",
  initialAccumulatorValue: "a nonnegative finite number",
};

/**
 * Follow the regularized leader: at each step, the point that is best for all linear
 * losses so far and the penalties. With `l1`, weights that matter little are exactly 0.
 *
 * ```text
 * n' = n + g²      z ← z + g + 2 λ θ - (√n' - √n) / α θ      n ← n'
 * θ ← -sign(z) max(0, |z| - λ₁) / ((β + √n) / α + 2 λ₂)
 * ```
 *
 * Weights need not start at 0, but where they start is soon forgotten: the first step
 * leaves 1 - √n₀ / √n of them, and nothing of those without a gradient. At a rate of 0,
 * everything stays as it is.
 *
 * {@link https://research.google.com/pubs/archive/41159.pdf | McMahan et al., 2013}, as
 * in Keras, with its power of -½.
 *
 * @param options `lr` is 1e-3 by default.
 * @returns The transformation.
 */
export function ftrl(options: FtrlOptions = {}): tx.GradientTransformation {
  checkOptions("create Ftrl", options, RULES);
  const { l1 = 0, l2 = 0, l2Shrinkage = 0, beta = 0 } = options;
  const { initialAccumulatorValue = 0.1 } = options;
  const rate = tx.rateOf(options.lr, 1e-3);
  const rule = tx.elementwise({
    slots: { z: 0, n: initialAccumulatorValue },
    scalars: {
      rate,
      inverse: (info) => rate(info) > 0 ? 1 / rate(info) : 0,
    },
    update({ update: g, param, z, n }, { rate, inverse }) {
      const sum = tx.finite(n.add(g.square())), root = sum.sqrt();
      const proximal = root.sub(n.sqrt()).mul(inverse).mul(param);
      const linear = tx.bounded(
        z.add(g).add(param.mul(2 * l2Shrinkage)).sub(proximal),
      );
      const quadratic = root.add(beta).mul(inverse).add(2 * l2);
      const kept = linear.sub(linear.max(-l1).min(l1));
      const step = kept.div(quadratic).neg().sub(param);
      return {
        // Without a gradient so far, g, which is 0 then, or is not a number.
        update: rate.select(quadratic.select(step, g), 0),
        z: rate.select(linear, z),
        n: rate.select(sum, n),
      };
    },
  });
  return tx.chain(...tx.clips(options), { ...rule, defaultLr: 1e-3 });
}

/**
 * The optimizer of {@linkcode ftrl}.
 *
 * Take it for linear models of very many features, most of which should get a weight of
 * exactly 0: set `l1`. It keeps two tensors for each parameter.
 */
export class Ftrl extends Optimizer<FtrlOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default. */
  constructor(options: FtrlOptions = {}) {
    super(options, ftrl);
  }
}
