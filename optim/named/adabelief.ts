/**
 * AdaBelief.
 *
 * @module
 */
import { checkOptions } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByBelief}. */
export interface ScaleByBeliefOptions extends tx.MomentsOptions {}

/**
 * Divide the mean gradient by how far gradients are from it.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      s ← β₂ s + (1 - β₂) (g - m)² + ε
 * u = m̂ / (√ŝ + ε)           m̂ = m / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ)
 * ```
 *
 * {@link https://arxiv.org/abs/2010.07468 | Zhuang et al., 2020}.
 *
 * @param options `eps` is 1e-16 by default.
 * @returns The transformation.
 */
export function scaleByBelief(
  options: ScaleByBeliefOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByBelief", options, tx.MOMENTS_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-16 } = options;
  return tx.elementwise({
    slots: { m: 0, s: 0 },
    scalars: {
      c1: ({ t }) => 1 - b1 ** t,
      root: ({ t }) => Math.sqrt(1 - b2 ** t),
    },
    update({ update: g, m, s }, { c1, root }) {
      m = tx.runningMean(m, g, b1);
      s = tx.runningSquare(s, g.sub(m), b2).add(eps);
      return { update: m.div(c1).div(s.sqrt().div(root).add(eps)), m, s };
    },
  });
}

/** Options of {@linkcode adabelief}. */
export interface AdaBeliefOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByBeliefOptions {}

/**
 * AdaBelief with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByBelief} for the rule.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0, `eps` 1e-16.
 * @returns The transformation.
 */
export function adabelief(
  options: AdaBeliefOptions = {},
): tx.GradientTransformation {
  return tx.coupled(
    "AdaBelief",
    options,
    1e-3,
    scaleByBelief,
    tx.MOMENTS_RULES,
  );
}

/**
 * The optimizer of {@linkcode adabelief}.
 *
 * Take it in place of {@linkcode Adam} where gradients agree for long: steps are large
 * where they are as their mean foretells. It keeps two tensors for each parameter.
 */
export class AdaBelief extends Optimizer<AdaBeliefOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0, `eps` 1e-16. */
  constructor(options: AdaBeliefOptions = {}) {
    super(options, adabelief);
  }
}
