/**
 * Yogi.
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

/** Options of {@linkcode scaleByYogi}. */
export interface ScaleByYogiOptions {
  /** Decay rates of the mean gradient and mean square. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-3. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByYogiOptions> = {
  betas,
  eps: "a nonnegative finite number",
};

/**
 * Adam whose mean square grows no faster than the gradients' squares.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      v ← v - (1 - β₂) sign(v - g²) g²
 * u = m̂ / (√v̂ + ε)           m̂, v̂ as in scaleByAdam; m and v start at 1e-6
 * ```
 *
 * {@link https://papers.nips.cc/paper/8186 | Zaheer et al., 2018}, with the bias
 * correction of optax.
 *
 * @param options See {@linkcode ScaleByYogiOptions}.
 * @returns The transformation.
 */
export function scaleByYogi(
  options: ScaleByYogiOptions = {},
): GradientTransformation {
  checkOptions("create scaleByYogi", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-3 } = options;
  return elementwise({
    slots: { m: 1e-6, v: 1e-6 },
    scalars: { c1: ({ t }) => 1 - b1 ** t, c2: ({ t }) => 1 - b2 ** t },
    update({ update: g, m, v }, { c1, c2 }) {
      m = m.lerp(g, 1 - b1);
      v = v.sub(v.sub(g.square()).sign().mul(g.square()).mul(1 - b2));
      return { update: m.div(c1).div(v.div(c2).sqrt().add(eps)), m, v };
    },
  });
}

/** Options of {@linkcode yogi}. */
export interface YogiOptions
  extends OptimizerOptions, WeightDecayOptions, ScaleByYogiOptions {}

const RULES: OptionRules<YogiOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * Yogi with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByYogi} for the rule.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function yogi(options: YogiOptions = {}): GradientTransformation {
  checkOptions("create Yogi", options, RULES);
  return pipeline(
    options,
    1e-3,
    ...decayed(options),
    scaleByYogi(pick(options, SCALE_RULES)),
  );
}

/** The optimizer of {@linkcode yogi}. */
export class Yogi extends Optimizer<YogiOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: YogiOptions = {}) {
    super(options, yogi);
  }
}
