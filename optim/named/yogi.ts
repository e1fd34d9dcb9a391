/**
 * Yogi.
 *
 * @module
 */
import { checkOptions } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByYogi}. */
export interface ScaleByYogiOptions extends tx.MomentsOptions {}

/**
 * Adam whose mean square grows no faster than the gradients' squares.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      v ← v - (1 - β₂) sign(v - g²) g²
 * u = m̂ / (√v̂ + ε)           m̂, v̂ as in scaleByAdam; m and v start at 1e-6
 * ```
 *
 * {@link https://papers.nips.cc/paper/8186 | Zaheer et al., 2018}, with the bias
 * correction of optax.
 *
 * @param options `eps` is 1e-3 by default.
 * @returns The transformation.
 */
export function scaleByYogi(
  options: ScaleByYogiOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByYogi", options, tx.MOMENTS_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-3 } = options;
  return tx.elementwise({
    slots: { m: 1e-6, v: 1e-6 },
    scalars: {
      c1: ({ t }) => 1 - b1 ** t,
      root: ({ t }) => Math.sqrt(1 - b2 ** t),
    },
    update({ update: g, m, v }, { c1, root }) {
      m = tx.runningMean(m, g, b1);
      // Where a square overflows, v is infinite and stays so, but is a number.
      const sign = v.sub(tx.finite(g.square())).sign();
      const change = g.square().mul(1 - b2);
      v = v.sub(sign.mul(sign.neg().select(change, tx.finite(change))));
      return { update: m.div(c1).div(v.sqrt().div(root).add(eps)), m, v };
    },
  });
}

/** Options of {@linkcode yogi}. */
export interface YogiOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByYogiOptions {}

/**
 * Yogi with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByYogi} for the rule.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0, `eps` 1e-3.
 * @returns The transformation.
 */
export function yogi(options: YogiOptions = {}): tx.GradientTransformation {
  return tx.coupled("Yogi", options, 1e-3, scaleByYogi, tx.MOMENTS_RULES);
}

/**
 * The optimizer of {@linkcode yogi}.
 *
 * Take it in place of {@linkcode Adam} where gradients are sparse: after a large
 * gradient, rates grow again slowly. It keeps two tensors for each parameter.
 */
export class Yogi extends Optimizer<YogiOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0, `eps` 1e-3. */
  constructor(options: YogiOptions = {}) {
    super(options, yogi);
  }
}
