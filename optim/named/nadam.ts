/**
 * Nadam.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
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
  const product = latest((t) => b1 ** t * growth(t, momentumDecay));
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

/**
 * The product of `1 - ½ 0.96^(i ψ)` for i = 1 to t, in a time that does not depend on t:
 * the logarithm of each factor is a power series in `½ 0.96^(i ψ)`, so the sum over i of
 * each power is a geometric one.
 */
function growth(t: number, decay: number): number {
  const slope = decay * Math.log(0.96);
  let log = 0;
  for (let k = 1, power = 0.5; power / k > 1e-18; k++, power /= 2) {
    // r + r² + ... + rᵗ with r = 0.96^(k ψ)
    const sum = slope === 0
      ? t
      : Math.exp(k * slope) * Math.expm1(k * slope * t) /
        Math.expm1(k * slope);
    log -= power / k * sum;
  }
  return Math.exp(log);
}

/** `fn`, which is called again only for another argument: parameters share a step. */
function latest(fn: (t: number) => number): (t: number) => number {
  const known = new Map<number, number>();
  return (t) => {
    let value = known.get(t);
    if (value === undefined) {
      if (known.size > 8) known.clear();
      known.set(t, value = fn(t));
    }
    return value;
  };
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

/**
 * The optimizer of {@linkcode nadam}.
 *
 * Take it in place of {@linkcode Adam} where gradients have little noise: on quadratic
 * functions it needs fewer steps. It keeps two tensors for each parameter.
 */
export class Nadam extends Optimizer<NadamOptions> {
  /** Create the optimizer. `lr` is 2e-3 by default, `weightDecay` 0. */
  constructor(options: NadamOptions = {}) {
    super(options, nadam);
  }
}
