/**
 * Adamax.
 *
 * @module
 */
import { checkOptions } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByAdamax}. */
export interface ScaleByAdamaxOptions extends tx.MomentsOptions {}

/**
 * Divide the mean gradient by its greatest absolute value, which decays.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      n ← max(β₂ n, |g| + ε)
 * u = m / (1 - β₁ᵗ) / n
 * ```
 *
 * {@link https://arxiv.org/abs/1412.6980 | Kingma and Ba, 2014}, section 7.
 *
 * @param options See {@linkcode ScaleByAdamaxOptions}.
 * @returns The transformation.
 */
export function scaleByAdamax(
  options: ScaleByAdamaxOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByAdamax", options, tx.MOMENTS_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 } = options;
  return tx.elementwise({
    slots: { m: 0, n: 0 },
    scalars: { c1: ({ t }) => 1 - b1 ** t },
    update({ update: g, m, n }, { c1 }) {
      m = tx.runningMean(m, g, b1);
      n = n.mul(b2).max(g.abs().add(eps));
      return { update: m.div(c1).div(n), m, n };
    },
  });
}

/** Options of {@linkcode adamax}. */
export interface AdamaxOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByAdamaxOptions {}

/**
 * Adamax with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByAdamax} for the rule, which is that of
 * `torch.optim.Adamax`.
 *
 * @param options `lr` is 2e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adamax(options: AdamaxOptions = {}): tx.GradientTransformation {
  return tx.coupled("Adamax", options, 2e-3, scaleByAdamax, tx.MOMENTS_RULES);
}

/**
 * The optimizer of {@linkcode adamax}.
 *
 * Take it in place of {@linkcode Adam} where gradients are mostly near 0 and sometimes
 * large, as those of embeddings: the largest one sets the step. It keeps two tensors
 * for each parameter.
 */
export class Adamax extends Optimizer<AdamaxOptions> {
  /** Create the optimizer. `lr` is 2e-3 by default, `weightDecay` 0. */
  constructor(options: AdamaxOptions = {}) {
    super(options, adamax);
  }
}
