/**
 * Prodigy.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  orNull,
} from "../../internal/check.ts";
import { distanceOf } from "../optimizer/distance.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode prodigy}. */
export interface ProdigyOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, tx.MomentsOptions {
  /** The decay rate of the estimate; `null`: √β₂. Default: null. */
  readonly beta3?: number | null | undefined;
  /** The first estimate of the distance. Default: 1e-6. */
  readonly d0?: number | undefined;
  /** A factor of the estimates that follow. Default: 1. */
  readonly dCoef?: number | undefined;
  /** The greatest factor by which the estimate grows in a step. Default: Infinity. */
  readonly growthRate?: number | undefined;
  /** Whether running means are corrected as in Adam. Default: false. */
  readonly useBiasCorrection?: boolean | undefined;
  /**
   * Whether the rate is left out of what estimates are divided by, so that a warm-up
   * of the rate does not raise them. Default: false.
   */
  readonly safeguardWarmup?: boolean | undefined;
}

const RULES: OptionRules<ProdigyOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.MOMENTS_RULES,
  ...tx.DISTANCE_RULES,
  beta3: orNull("in [0, 1)"),
  dCoef: "a positive finite number",
  safeguardWarmup: boolean,
};

/**
 * Adam with decoupled weight decay, and with a rate in proportion to an estimate d of
 * the distance from the start to the solution.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) d g      v ← β₂ v + (1 - β₂) d² g²      α′ = d α
 * r ← β₃ r + d / d₀ · α′ Σ g (θ₀ - θ)      s ← β₃ s + d / d₀ · α′ g
 * d ← max(d, dCoef · r / Σ |s|)
 * θ ← θ - α′ (m / (√v + d ε) + λ θ)        α′ is still that of the old d
 * ```
 *
 * Sums are over all parameters, and so are d and r. With `useBiasCorrection`, α is
 * times √(1 - β₂ᵗ) / (1 - β₁ᵗ).
 *
 * {@link https://arxiv.org/abs/2306.06101 | Mishchenko and Defazio, 2023}, as in the
 * authors' package prodigyopt.
 *
 * @param options `lr` is 1 by default, a factor of the rate that is found;
 * `weightDecay` is 0.
 * @returns The transformation.
 */
export function prodigy(
  options: ProdigyOptions = {},
): tx.GradientTransformation {
  checkOptions("create Prodigy", options, RULES);
  const { betas = [0.9, 0.999], dCoef = 1 } = options;
  // As slots hold it, to be compared with.
  const d0 = Math.fround(options.d0 ?? 1e-6);
  const { growthRate = Infinity, eps = 1e-8, safeguardWarmup = false } =
    options;
  const { useBiasCorrection = false } = options;
  const [b1, b2] = betas, b3 = options.beta3 ?? Math.sqrt(b2);
  const scope = JSON.stringify([
    ...[betas, b3, d0, dCoef, `${growthRate}`],
    ...[useBiasCorrection, safeguardWarmup],
  ]);
  const rule = tx.elementwise({
    slots: {
      ...{ m: 0, v: 0, s: 0, start: "param" },
      ...{ d: { one: d0 }, dMax: { one: d0 }, r: { one: 0 } },
    },
    scalars: tx.distanceScalars({ ...options, betas }),
    update({ update: g, param, ...slots }, { isOld, rate, decay }) {
      const { start, d: copy } = slots;
      const factor = copy.mul(copy.div(d0));
      const s = slots.s.mul(b3)
        .add(g.mul(safeguardWarmup ? factor : factor.mul(rate)));
      const way = start.sub(param).mul(g).mul(factor.mul(rate));
      const length = s.abs().sumAll(scope);

      const d = tx.sharedGreatest(copy, isOld, scope);
      const r = tx.shared(slots.r, isOld, scope).mul(b3).add(way.sumAll(scope));
      const estimate = length.select(r.mul(dCoef).div(length), 0);
      const dMax = tx.sharedGreatest(slots.dMax, isOld, scope).max(estimate);
      // The first estimate may be as large as it is.
      const from = d.sub(d0).select(d, d.max(estimate));
      const next = growthRate === Infinity
        ? dMax
        : dMax.min(from.mul(growthRate));

      const m = tx.runningMean(slots.m, g.mul(d), b1);
      const v = tx.runningSquare(slots.v, g.mul(d), b2);
      const step = m.div(v.sqrt().add(next.mul(eps))).add(param.mul(decay));
      const update = step.mul(d.mul(rate)).neg();
      return { update, m, v, s, start, d: next, dMax, r };
    },
  });
  return tx.chain(...tx.clips(options), { ...rule, defaultLr: 1 });
}

/**
 * The optimizer of {@linkcode prodigy}.
 *
 * Take it where you have no rate yet: leave `lr` at 1, or give it a schedule that starts
 * at 1, and it finds the size of its steps. It keeps four tensors and three numbers for
 * each parameter.
 *
 * Groups share the estimate where they differ in `lr`, `weightDecay`, `decayMask` and
 * `eps` only; otherwise each has its own. A group with the rate 0 has no part in it.
 *
 * @example Steps without a rate
 * ```ts
 * import { optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.tensor1d([5, -3]));
 * using optimizer = new optim.Prodigy({
 *   lr: new optim.CosineAnnealingLR({ baseLr: 1, tMax: 200 }),
 * }).registerTrainableWeights({ w });
 * for (let k = 0; k < 200; k++) {
 *   optimizer.step({ w: tf.mul(2, w.value) }); // the gradient of ‖w‖²
 *   optimizer.lrScheduler.step();
 * }
 * const distance = await optimizer.distance(); // the solution is 5 away
 * assert(distance > 1 && distance < 5);
 * ```
 */
export class Prodigy extends Optimizer<ProdigyOptions> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: ProdigyOptions = {}) {
    super(options, prodigy);
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
