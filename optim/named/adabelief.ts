/**
 * AdaBelief.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { decayed } from "../transforms/decay.ts";
import { elementwise } from "../transforms/elementwise.ts";
import {
  betas,
  DECAY_RULES,
  OPTIMIZER_RULES,
  type OptimizerOptions,
  type WeightDecayOptions,
} from "../transforms/options.ts";
import { pipeline } from "../transforms/pipeline.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";

/** Options of {@linkcode scaleByBelief}. */
export interface ScaleByBeliefOptions {
  /** Decay rates of the mean gradient and its error. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-16. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByBeliefOptions> = {
  betas,
  eps: "a nonnegative finite number",
};

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
  checkOptions("create scaleByBelief", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-16 } = options;
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

const RULES: OptionRules<AdaBeliefOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  ...SCALE_RULES,
};

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
  checkOptions("create AdaBelief", options, RULES);
  return pipeline(
    options,
    1e-3,
    ...decayed(options),
    scaleByBelief(pick(options, SCALE_RULES)),
  );
}

/** The optimizer of {@linkcode adabelief}. */
export class AdaBelief extends Optimizer<AdaBeliefOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: AdaBeliefOptions = {}) {
    super(options, adabelief);
  }
}
