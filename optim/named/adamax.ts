/**
 * Adamax.
 *
 * @module
 */
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions } from "../check.ts";
import { decayed, type WeightDecayOptions } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { type OptimizerOptions, pipeline } from "../transforms/pipeline.ts";
import { elementwise } from "../transforms/elementwise.ts";

/** Options of {@linkcode scaleByAdamax}. */
export interface ScaleByAdamaxOptions {
  /** Decay rates of the mean gradient and greatest gradient. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Keeps the denominator above zero. Default: 1e-8. */
  readonly eps?: number | undefined;
}

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
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 } = options;
  checkOptions("scaleByAdamax", { betas: [b1, b2], eps });
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
  checkOptions("Adamax", options);
  return pipeline(options, 2e-3, ...decayed(options), scaleByAdamax(options));
}

/** The optimizer of {@linkcode adamax}. */
export class Adamax extends Optimizer<AdamaxOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 2e-3 by default, `weightDecay` 0.
   */
  constructor(options: AdamaxOptions = {}) {
    super(options, 2e-3);
  }

  /** The transformation of the class. */
  protected override defaultTx(
    options: AdamaxOptions,
  ): GradientTransformation {
    return adamax(options);
  }
}
