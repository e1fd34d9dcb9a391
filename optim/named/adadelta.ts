/**
 * Adadelta.
 *
 * @module
 */
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions } from "../check.ts";
import { decayed, type WeightDecayOptions } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { type OptimizerOptions, pipeline } from "../transforms/pipeline.ts";
import { elementwise } from "../transforms/elementwise.ts";

/** Options of {@linkcode scaleByAdadelta}. */
export interface ScaleByAdadeltaOptions {
  /** Decay rate of both mean squares. Default: 0.9. */
  readonly rho?: number | undefined;
  /** Where steps start from, and what keeps them finite. Default: 1e-6. */
  readonly eps?: number | undefined;
}

/**
 * Give gradients the size of the steps so far.
 *
 * ```text
 * E ← ρ E + (1 - ρ) g²
 * δ = √(X + ε) / √(E + ε) · g
 * X ← ρ X + (1 - ρ) δ²
 * ```
 *
 * {@link https://arxiv.org/abs/1212.5701 | Zeiler, 2012}.
 *
 * @param options See {@linkcode ScaleByAdadeltaOptions}.
 * @returns The transformation.
 */
export function scaleByAdadelta(
  options: ScaleByAdadeltaOptions = {},
): GradientTransformation {
  const { rho = 0.9, eps = 1e-6 } = options;
  checkOptions("scaleByAdadelta", { rho, eps });
  return elementwise({
    slots: { e: 0, x: 0 },
    scalars: {},
    update({ update: g, e, x }) {
      e = e.lerp(g.square(), 1 - rho);
      const delta = x.add(eps).div(e.add(eps)).sqrt().mul(g);
      return { update: delta, e, x: x.lerp(delta.square(), 1 - rho) };
    },
  });
}

/** Options of {@linkcode adadelta}. */
export interface AdadeltaOptions
  extends OptimizerOptions, WeightDecayOptions, ScaleByAdadeltaOptions {}

/**
 * Adadelta with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByAdadelta} for the rule, which is that of
 * `torch.optim.Adadelta`.
 *
 * @param options `lr` is 1 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adadelta(
  options: AdadeltaOptions = {},
): GradientTransformation {
  checkOptions("Adadelta", options);
  return pipeline(options, 1, ...decayed(options), scaleByAdadelta(options));
}

/** The optimizer of {@linkcode adadelta}. */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 1 by default, `weightDecay` 0.
   */
  constructor(options: AdadeltaOptions = {}) {
    super(options, 1);
  }

  /** The transformation of the class. */
  protected override defaultTx(
    options: AdadeltaOptions,
  ): GradientTransformation {
    return adadelta(options);
  }
}
