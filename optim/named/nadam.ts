/**
 * Nadam.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByNadam}. */
export interface ScaleByNadamOptions extends tx.MomentsOptions {
  /** The exponent ψ of the growing momentum. Default: 4e-3. */
  readonly momentumDecay?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByNadamOptions> = {
  ...tx.MOMENTS_RULES,
  momentumDecay: "a nonnegative finite number",
};

/**
 * Adam with Nesterov's look ahead, and a momentum that grows.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      v ← β₂ v + (1 - β₂) g²
 * μₜ = β₁ (1 - ½ 0.96^(t ψ))      Πₜ = μ₁ μ₂ ⋯ μₜ
 * u = ((1 - μₜ) / (1 - Πₜ) g + μₜ₊₁ / (1 - Πₜ₊₁) m) / (√(v / (1 - β₂ᵗ)) + ε)
 * ```
 *
 * {@link https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ | Dozat, 2016}, as in
 * `torch.optim.NAdam`.
 *
 * @param options See {@linkcode ScaleByNadamOptions}.
 * @returns The transformation.
 */
export function scaleByNadam(
  options: ScaleByNadamOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByNadam", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, momentumDecay = 4e-3 } =
    options;
  const momentum = (t: number) => b1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
  const products = [1];
  const product = (t: number): number => {
    for (let i = products.length; i <= t; i++) {
      products.push(products[i - 1]! * momentum(i));
    }
    return products[t]!;
  };
  return tx.elementwise({
    slots: { m: 0, v: 0 },
    scalars: {
      now: ({ t }) => (1 - momentum(t)) / (1 - product(t)),
      ahead: ({ t }) => momentum(t + 1) / (1 - product(t + 1)),
      root: ({ t }) => Math.sqrt(1 - b2 ** t),
    },
    update({ update: g, m, v }, { now, ahead, root }) {
      m = tx.runningMean(m, g, b1);
      v = tx.runningSquare(v, g, b2);
      const denominator = v.sqrt().div(root).add(eps);
      return {
        update: g.div(denominator).mul(now).add(m.div(denominator).mul(ahead)),
        m,
        v,
      };
    },
  });
}

/** Options of {@linkcode nadam}. */
export interface NadamOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByNadamOptions {}

/**
 * Nadam with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByNadam} for the rule.
 *
 * @param options `lr` is 2e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function nadam(options: NadamOptions = {}): tx.GradientTransformation {
  return tx.coupled("Nadam", options, 2e-3, scaleByNadam, SCALE_RULES);
}

/** The optimizer of {@linkcode nadam}. */
export class Nadam extends Optimizer<NadamOptions> {
  /** Create the optimizer. `lr` is 2e-3 by default, `weightDecay` 0. */
  constructor(options: NadamOptions = {}) {
    super(options, nadam);
  }
}
