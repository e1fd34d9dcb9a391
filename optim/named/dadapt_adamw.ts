/**
 * D-Adaptation of AdamW.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { distanceOf } from "../optimizer/distance.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode dadaptAdamW}. */
export interface DAdaptAdamWOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, tx.MomentsOptions {
  /** The first estimate of the distance. Default: 1e-6. */
  readonly d0?: number | undefined;
  /** The greatest factor by which the estimate grows in a step. Default: Infinity. */
  readonly growthRate?: number | undefined;
  /** Whether running means are corrected as in Adam. Default: false. */
  readonly useBiasCorrection?: boolean | undefined;
}

const RULES: OptionRules<DAdaptAdamWOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.MOMENTS_RULES,
  ...tx.DISTANCE_RULES,
};

/**
 * Adam with decoupled weight decay, and with a rate that is a lower bound d of the
 * distance from the start to the solution.
 *
 * ```text
 * α′ = d α      γ = √β₂
 * r ← γ r + (1 - γ) α′ Σ g s / (√v + ε)      s ← γ s + (1 - γ) α′ g
 * d ← max(d, r / ((1 - γ) Σ |s|))
 * m ← β₁ m + (1 - β₁) α′ g      v ← β₂ v + (1 - β₂) g²      α′ is still that of the old d
 * θ ← θ - m / (√v + ε) - α′ λ θ
 * ```
 *
 * Sums are over all parameters, and so are d and r. With `useBiasCorrection`, α is
 * times √(1 - β₂ᵗ) / (1 - β₁ᵗ).
 *
 * {@link https://arxiv.org/abs/2301.07733 | Defazio and Mishchenko, 2023}, as in the
 * authors' package dadaptation.
 *
 * @param options `lr` is 1 by default, a factor of the rate that is found;
 * `weightDecay` is 0.
 * @returns The transformation.
 */
export function dadaptAdamW(
  options: DAdaptAdamWOptions = {},
): tx.GradientTransformation {
  checkOptions("create DAdaptAdamW", options, RULES);
  const { betas = [0.9, 0.999], d0 = 1e-6, eps = 1e-8 } = options;
  const { growthRate = Infinity, useBiasCorrection = false } = options;
  const [b1, b2] = betas, gamma = Math.sqrt(b2);
  const scope = JSON.stringify([
    ...[betas, d0, eps, `${growthRate}`, useBiasCorrection],
  ]);
  const rule = tx.elementwise({
    slots: { m: 0, v: 0, s: 0, d: { one: d0 }, r: { one: 0 } },
    scalars: tx.distanceScalars({ ...options, betas }),
    update({ update: g, param, ...slots }, { isOld, rate, decay }) {
      const own = slots.d.mul(rate);
      const s = tx.runningMean(slots.s, g.mul(own), gamma);
      const way = slots.s.div(slots.v.sqrt().add(eps)).mul(g).mul(own);
      const length = s.abs().sumAll(scope);

      const d = tx.sharedGreatest(slots.d, isOld, scope), step = d.mul(rate);
      const r = tx.shared(slots.r, isOld, scope).mul(gamma)
        .add(way.sumAll(scope).mul(1 - gamma));
      const estimate = length.select(r.div(length.mul(1 - gamma)), 0);
      const next = d.max(
        growthRate === Infinity ? estimate : estimate.min(d.mul(growthRate)),
      );

      const m = tx.runningMean(slots.m, g.mul(step), b1);
      const v = tx.runningSquare(slots.v, g, b2);
      const update = m.div(v.sqrt().add(eps))
        .add(param.mul(step.mul(decay))).neg();
      return { update, m, v, s, d: next, r };
    },
  });
  return tx.chain(...tx.clips(options), { ...rule, defaultLr: 1 });
}

/**
 * The optimizer of {@linkcode dadaptAdamW}.
 *
 * Take it as {@linkcode Prodigy}, whose estimate grows faster, with less memory: leave
 * `lr` at 1. It keeps three tensors and two numbers for each parameter.
 *
 * Groups share the estimate where they differ in `lr`, `weightDecay` and `decayMask`
 * only; otherwise each has its own. A group with the rate 0 has no part in it.
 */
export class DAdaptAdamW extends Optimizer<DAdaptAdamWOptions> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: DAdaptAdamWOptions = {}) {
    super(options, dadaptAdamW);
  }

  /**
   * The estimate d of the distance from the start to the solution, of the first group:
   * the rate that is found.
   *
   * @throws {Error} If no parameters are registered.
   */
  distance(): Promise<number> {
    return distanceOf(this);
  }
}
