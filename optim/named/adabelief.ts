/**
 * AdaBelief.
 *
 * @module
 */
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions } from "../check.ts";
import { decayed, type WeightDecayOptions } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { type OptimizerOptions, pipeline } from "../transforms/pipeline.ts";
import { elementwise } from "../transforms/elementwise.ts";

/** Options of {@linkcode scaleByBelief}. */
export interface ScaleByBeliefOptions {
  /** Decay rates of the mean gradient and its error. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Keeps the denominator above zero. Default: 1e-16. */
  readonly eps?: number | undefined;
}

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
 * @param options See {@linkcode ScaleByBeliefOptions}.
 * @returns The transformation.
 */
export function scaleByBelief(
  options: ScaleByBeliefOptions = {},
): GradientTransformation {
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-16 } = options;
  checkOptions("scaleByBelief", { betas: [b1, b2], eps });
  return elementwise({
    slots: { m: 0, s: 0 },
    scalars: { c1: ({ t }) => 1 - b1 ** t, c2: ({ t }) => 1 - b2 ** t },
    update({ update: g, m, s }, { c1, c2 }) {
      m = m.lerp(g, 1 - b1);
      s = s.lerp(g.sub(m).square(), 1 - b2).add(eps);
      return { update: m.div(c1).div(s.div(c2).sqrt().add(eps)), m, s };
    },
  });
}

/** Options of {@linkcode adabelief}. */
export interface AdaBeliefOptions
  extends OptimizerOptions, WeightDecayOptions, ScaleByBeliefOptions {}

/**
 * AdaBelief with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByBelief} for the rule.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adabelief(
  options: AdaBeliefOptions = {},
): GradientTransformation {
  checkOptions("AdaBelief", options);
  return pipeline(options, 1e-3, ...decayed(options), scaleByBelief(options));
}

/** The optimizer of {@linkcode adabelief}. */
export class AdaBelief extends Optimizer<AdaBeliefOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 1e-3 by default, `weightDecay` 0.
   */
  constructor(options: AdaBeliefOptions = {}) {
    super(options);
  }

  /** The transformation of the class. */
  protected override defaultTx(
    options: AdaBeliefOptions,
  ): GradientTransformation {
    return adabelief(options);
  }
}
