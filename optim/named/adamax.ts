/**
 * Adamax.
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

/** Options of {@linkcode scaleByAdamax}. */
export interface ScaleByAdamaxOptions {
  /** Decay rates of the mean gradient and greatest gradient. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByAdamaxOptions> = {
  betas,
  eps: "a nonnegative finite number",
};

/**
 * Divide the mean gradient by its greatest absolute value, which decays.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      n ← max(β₂ n, |g| + ε)
 * u = m / (1 - β₁ᵗ) / n
 * ```
 *
 * {@link https://arxiv.org/abs/1412.6980 | Kingma and Ba, 2014}, section 7.
 *
 * @param options See {@linkcode ScaleByAdamaxOptions}.
 * @returns The transformation.
 */
export function scaleByAdamax(
  options: ScaleByAdamaxOptions = {},
): GradientTransformation {
  checkOptions("create scaleByAdamax", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 } = options;
  return elementwise({
    slots: { m: 0, n: 0 },
    scalars: { c1: ({ t }) => 1 - b1 ** t },
    update({ update: g, m, n }, { c1 }) {
      m = m.lerp(g, 1 - b1);
      n = n.mul(b2).max(g.abs().add(eps));
      return { update: m.div(c1).div(n), m, n };
    },
  });
}

/** Options of {@linkcode adamax}. */
export interface AdamaxOptions
  extends OptimizerOptions, WeightDecayOptions, ScaleByAdamaxOptions {}

const RULES: OptionRules<AdamaxOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * Adamax with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByAdamax} for the rule, which is that of
 * `torch.optim.Adamax`.
 *
 * @param options `lr` is 2e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adamax(options: AdamaxOptions = {}): GradientTransformation {
  checkOptions("create Adamax", options, RULES);
  return pipeline(
    options,
    2e-3,
    ...decayed(options),
    scaleByAdamax(pick(options, SCALE_RULES)),
  );
}

/** The optimizer of {@linkcode adamax}. */
export class Adamax extends Optimizer<AdamaxOptions> {
  /** Create the optimizer. `lr` is 2e-3 by default, `weightDecay` 0. */
  constructor(options: AdamaxOptions = {}) {
    super(options, adamax);
  }
}
