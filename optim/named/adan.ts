/**
 * Adan.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  pick,
  triple,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByAdan}. */
export interface ScaleByAdanOptions {
  /**
   * Decay rates of the mean gradient, of the mean difference of gradients, and of the
   * mean square. Default: [0.98, 0.92, 0.99].
   */
  readonly betas?: readonly [number, number, number] | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByAdanOptions> = {
  betas: triple("in [0, 1)", "in [0, 1)", "in [0, 1)"),
  eps: "a nonnegative finite number",
};

/**
 * Nesterov's momentum of gradients and of their differences, divided by the root mean
 * square.
 *
 * ```text
 * y = g - g of the step before      0 at the first step
 * m ← β₁ m + (1 - β₁) g      d ← β₂ d + (1 - β₂) y      v ← β₃ v + (1 - β₃) (g + β₂ y)²
 * u = (m / (1 - β₁ᵗ) + β₂ d / (1 - β₂ᵗ)) / (√(v / (1 - β₃ᵗ)) + ε)
 * ```
 *
 * {@link https://arxiv.org/abs/2208.06677 | Xie et al., 2022}, as in the authors'
 * implementation: the rates are those that old values keep, and the paper's β are one
 * less these.
 *
 * @param options See {@linkcode ScaleByAdanOptions}.
 * @returns The transformation.
 */
export function scaleByAdan(
  options: ScaleByAdanOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByAdan", options, SCALE_RULES);
  const { betas: [b1, b2, b3] = [0.98, 0.92, 0.99], eps = 1e-8 } = options;
  return tx.elementwise({
    slots: { m: 0, d: 0, v: 0, last: 0 },
    scalars: {
      isOld: ({ t }) => t === 1 ? 0 : 1,
      c1: ({ t }) => 1 - b1 ** t,
      c2: ({ t }) => (1 - b2 ** t) / b2,
      root: ({ t }) => Math.sqrt(1 - b3 ** t),
    },
    update({ update: g, m, d, v, last }, { isOld, c1, c2, root }) {
      last = isOld.select(last, g);
      m = tx.runningMean(m, g, b1);
      // Each term on its own: the difference of finite numbers may overflow.
      d = d.mul(b2).add(g.mul(1 - b2)).sub(last.mul(1 - b2));
      const ahead = g.mul(1 + b2).sub(last.mul(b2));
      v = tx.runningSquare(v, ahead, b3);
      const mean = b2 > 0 ? m.div(c1).add(d.div(c2)) : m.div(c1);
      return {
        update: mean.div(v.sqrt().div(root).add(eps)),
        ...{ m, d, v, last: g },
      };
    },
  });
}

/** Options of {@linkcode adan}. */
export interface AdanOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByAdanOptions {
  /**
   * Whether weights decay by the division of the paper, or as in AdamW. Default: true.
   */
  readonly proximal?: boolean | undefined;
}

const RULES: OptionRules<AdanOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  proximal: boolean,
};

/**
 * Adan with decoupled weight decay.
 *
 * ```text
 * θ ← (θ - α u) / (1 + α λ)      u as in scaleByAdan
 * θ ← θ - α (u + λ θ)            without proximal
 * ```
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adan(options: AdanOptions = {}): tx.GradientTransformation {
  checkOptions("create Adan", options, RULES);
  const { lr, proximal = true } = options;
  const rate = tx.rateOf(lr, 1e-3), decay = tx.decayOf(options);
  const step = tx.elementwise({
    scalars: {
      decay,
      // θ' - θ = -α (u + λ θ) / (1 + α λ)
      length: (info) => {
        const alpha = rate(info);
        return proximal ? alpha / (1 + alpha * decay(info)) : alpha;
      },
    },
    update: ({ update: u, param }, { decay, length }) => ({
      update: u.add(param.mul(decay)).mul(length).neg(),
    }),
  });
  const scale = scaleByAdan(pick(options, SCALE_RULES));
  return { ...tx.chain(...tx.clips(options), scale, step), defaultLr: 1e-3 };
}

/**
 * The optimizer of {@linkcode adan}.
 *
 * Take it in place of {@linkcode AdamW} for large rates: its paper trains vision and
 * language models with rates 5 to 10 times as large. It keeps four tensors for each
 * parameter.
 */
export class Adan extends Optimizer<AdanOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: AdanOptions = {}) {
    super(options, adan);
  }
}
