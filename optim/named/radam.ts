/**
 * Rectified Adam.
 *
 * @module
 */
import { checkOptions } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByRadam}. */
export interface ScaleByRadamOptions extends tx.MomentsOptions {}

/**
 * Adam with the variance of its step size rectified in the first steps.
 *
 * ```text
 * ρ∞ = 2 / (1 - β₂) - 1      ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ)
 * u = r m̂ / (√v̂ + ε)  where ρ ≥ 5, else m̂      m̂, v̂ as in scaleByAdam
 * r = √((ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ))
 * ```
 *
 * {@link https://arxiv.org/abs/1908.03265 | Liu et al., 2019}, as in optax.
 *
 * @param options See {@linkcode ScaleByRadamOptions}.
 * @returns The transformation.
 */
export function scaleByRadam(
  options: ScaleByRadamOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByRadam", options, tx.MOMENTS_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 } = options;
  const limit = 2 / (1 - b2) - 1;
  return tx.elementwise({
    slots: { m: 0, v: 0 },
    scalars: {
      c1: ({ t }) => 1 - b1 ** t,
      root: ({ t }) => Math.sqrt(1 - b2 ** t),
      // 0 while the variance is unbounded.
      rectifier: ({ t }) => {
        const rho = limit - 2 * t * b2 ** t / (1 - b2 ** t);
        if (rho < 5) return 0;
        const r = (rho - 4) * (rho - 2) * limit;
        return Math.sqrt(r / ((limit - 4) * (limit - 2) * rho));
      },
    },
    update({ update: g, m, v }, { c1, root, rectifier }) {
      m = tx.runningMean(m, g, b1);
      v = tx.runningSquare(v, g, b2);
      const mean = m.div(c1);
      const scaled = mean.mul(rectifier).div(v.sqrt().div(root).add(eps));
      return { update: rectifier.select(scaled, mean), m, v };
    },
  });
}

/** Options of {@linkcode radam}. */
export interface RAdamOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByRadamOptions {}

/**
 * Rectified Adam with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByRadam} for the rule.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function radam(options: RAdamOptions = {}): tx.GradientTransformation {
  return tx.coupled("RAdam", options, 1e-3, scaleByRadam, tx.MOMENTS_RULES);
}

/**
 * The optimizer of {@linkcode radam}.
 *
 * Take it in place of {@linkcode Adam} with a warmup: the first steps are those of
 * momentum, until enough gradients are known. It keeps two tensors for each parameter.
 */
export class RAdam extends Optimizer<RAdamOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: RAdamOptions = {}) {
    super(options, radam);
  }
}
