/**
 * ADOPT.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  pick,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByAdopt}. */
export interface ScaleByAdoptOptions {
  /** Decay rates of the mean step and of the mean square. Default: [0.9, 0.9999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** The least denominator. Default: 1e-6. */
  readonly eps?: number | undefined;
  /** Whether steps before their mean are clipped. Default: true. */
  readonly clipping?: boolean | undefined;
}

const SCALE_RULES: OptionRules<ScaleByAdoptOptions> = {
  betas: tx.betas,
  eps: "a nonnegative finite number",
  clipping: boolean,
};

/**
 * Divide each gradient by the root mean square of those before it, then take the
 * mean.
 *
 * ```text
 * z = g / max(√v, ε)                with clipping, in [-c, c]: c = (t - 1)^¼
 * m ← β₁ m + (1 - β₁) z      u = m
 * v ← β₂ v + (1 - β₂) g²            v = g² and m = 0 at the first step
 * ```
 *
 * {@link https://arxiv.org/abs/2411.02853 | Taniguchi et al., 2024}, in the version
 * with clipping, as in optax. The step that its paper calls 0 is the first one here.
 *
 * @param options See {@linkcode ScaleByAdoptOptions}.
 * @returns The transformation.
 */
export function scaleByAdopt(
  options: ScaleByAdoptOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByAdopt", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.9999], eps = 1e-6, clipping = true } =
    options;
  return tx.elementwise({
    slots: { m: 0, v: 0 },
    scalars: {
      kept: ({ t }) => t === 1 ? 0 : b2,
      added: ({ t }) => t === 1 ? 1 : 1 - b2,
      limit: ({ t }) => t === 1 ? 0 : clipping ? (t - 1) ** 0.25 : tx.GREATEST,
    },
    update({ update: g, m, v }, { kept, added, limit }) {
      const z = g.div(v.sqrt().max(eps)).min(limit).max(limit.neg());
      m = tx.runningMean(m, z, b1);
      v = v.mul(kept).add(g.mul(added).mul(g));
      return { update: m, m, v };
    },
  });
}

/** Options of {@linkcode adopt}. */
export interface AdoptOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByAdoptOptions {
  /** Whether weights decay by themselves, not through gradients. Default: false. */
  readonly decoupled?: boolean | undefined;
}

const RULES: OptionRules<AdoptOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  decoupled: boolean,
};

/**
 * ADOPT: Adam that converges with any β₂.
 *
 * ```text
 * θ ← θ - α u      u as in scaleByAdopt, of g + λ θ
 * θ ← θ - α (u + λ θ)      with decoupled weight decay
 * ```
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adopt(options: AdoptOptions = {}): tx.GradientTransformation {
  checkOptions("create Adopt", options, RULES);
  const scale = scaleByAdopt(pick(options, SCALE_RULES));
  const decay = tx.decayed(options);
  const parts = options.decoupled ? [scale, ...decay] : [...decay, scale];
  return tx.pipeline(options, 1e-3, ...parts);
}

/**
 * The optimizer of {@linkcode adopt}.
 *
 * Take it in place of {@linkcode Adam} where that does not converge, with small batches
 * or rare gradients. The first step only measures. It keeps two tensors for each
 * parameter.
 */
export class Adopt extends Optimizer<AdoptOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: AdoptOptions = {}) {
    super(options, adopt);
  }
}
