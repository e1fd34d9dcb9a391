/**
 * AdEMAMix.
 *
 * @module
 */
import {
  checkOptions,
  type OptionRules,
  orNull,
  pick,
  triple,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByAdemamix}. */
export interface ScaleByAdemamixOptions {
  /**
   * Decay rates of the fast mean gradient, of the mean square, and of the slow mean
   * gradient. Default: [0.9, 0.999, 0.9999].
   */
  readonly betas?: readonly [number, number, number] | undefined;
  /** The weight of the slow mean. Default: 5. */
  readonly alpha?: number | undefined;
  /** The number of steps in which `alpha` rises from 0; `null`: none. Default: null. */
  readonly alphaWarmup?: number | null | undefined;
  /**
   * The number of steps in which the third decay rate rises from the first one;
   * `null`: none. Default: null.
   */
  readonly beta3Warmup?: number | null | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByAdemamixOptions> = {
  betas: triple("in [0, 1)", "in [0, 1)", "in [0, 1)"),
  alpha: "a nonnegative finite number",
  alphaWarmup: orNull("a positive integer"),
  beta3Warmup: orNull("a positive integer"),
  eps: "a nonnegative finite number",
};

/**
 * The mean gradient and a much slower one, divided by the root mean square.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      s ← β₃ s + (1 - β₃) g      v ← β₂ v + (1 - β₂) g²
 * u = (m / (1 - β₁ᵗ) + α s) / (√(v / (1 - β₂ᵗ)) + ε)
 * ```
 *
 * In a warm-up of T steps, α is t / T of its value, and β₃ is such that the number of
 * steps in which it halves a gradient goes evenly from that of β₁ to its own.
 *
 * {@link https://arxiv.org/abs/2409.03137 | Pagliardini et al., 2024}.
 *
 * @param options See {@linkcode ScaleByAdemamixOptions}.
 * @returns The transformation.
 */
export function scaleByAdemamix(
  options: ScaleByAdemamixOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByAdemamix", options, SCALE_RULES);
  const { betas: [b1, b2, b3] = [0.9, 0.999, 0.9999], alpha = 5 } = options;
  const { alphaWarmup, beta3Warmup, eps = 1e-8 } = options;
  const done = (t: number, warmup: number | null | undefined) =>
    warmup ? Math.min(1, t / warmup) : 1;
  const beta3 = (t: number) => {
    const share = done(t, beta3Warmup);
    if (share === 1) return b3;
    return 0.5 ** (1 / ((1 - share) * halfLife(b1) + share * halfLife(b3)));
  };
  return tx.elementwise({
    slots: { m: 0, slow: 0, v: 0 },
    scalars: {
      c1: ({ t }) => 1 - b1 ** t,
      root: ({ t }) => Math.sqrt(1 - b2 ** t),
      weight: ({ t }) => alpha * done(t, alphaWarmup),
      kept: ({ t }) => beta3(t),
      added: ({ t }) => 1 - beta3(t),
    },
    update({ update: g, m, slow, v }, { c1, root, weight, kept, added }) {
      m = tx.runningMean(m, g, b1);
      slow = slow.mul(kept).add(g.mul(added));
      v = tx.runningSquare(v, g, b2);
      const mixed = m.div(c1).add(slow.mul(weight));
      return { update: mixed.div(v.sqrt().div(root).add(eps)), m, slow, v };
    },
  });
}

/** The number of steps in which a mean that decays by `beta` halves. */
function halfLife(beta: number): number {
  return beta === 0 ? 0 : Math.log(0.5) / Math.log(beta);
}

/** Options of {@linkcode ademamix}. */
export interface AdEMAMixOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByAdemamixOptions {}

const RULES: OptionRules<AdEMAMixOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * AdEMAMix with decoupled weight decay.
 *
 * ```text
 * θ ← θ - α (u + λ θ)      u as in scaleByAdemamix
 * ```
 *
 * Its authors' example warms up both `alpha`, to 8, and the third decay rate over the
 * whole training.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function ademamix(
  options: AdEMAMixOptions = {},
): tx.GradientTransformation {
  checkOptions("create AdEMAMix", options, RULES);
  return tx.pipeline(
    options,
    1e-3,
    scaleByAdemamix(pick(options, SCALE_RULES)),
    ...tx.decayed(options),
  );
}

/**
 * The optimizer of {@linkcode ademamix}.
 *
 * Take it in place of {@linkcode AdamW} for trainings of many thousands of steps: its
 * slow mean remembers gradients that AdamW has long forgotten. It keeps three tensors
 * for each parameter.
 */
export class AdEMAMix extends Optimizer<AdEMAMixOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: AdEMAMixOptions = {}) {
    super(options, ademamix);
  }
}
