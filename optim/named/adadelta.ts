/**
 * Adadelta.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByAdadelta}. */
export interface ScaleByAdadeltaOptions {
  /** Decay rate of both mean squares. Default: 0.9. */
  readonly rho?: number | undefined;
  /** Added to both mean squares, so that steps start and stay finite. Default: 1e-6. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByAdadeltaOptions> = {
  rho: "in [0, 1)",
  eps: "a nonnegative finite number",
};

/**
 * Scale gradients to the root mean square of the steps so far.
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
): tx.GradientTransformation {
  checkOptions("create scaleByAdadelta", options, SCALE_RULES);
  const { rho = 0.9, eps = 1e-6 } = options;
  return tx.elementwise({
    slots: { e: 0, x: 0 },
    update({ update: g, e, x }) {
      e = tx.runningSquare(e, g, rho);
      const delta = x.add(eps).div(e.add(eps)).sqrt().mul(g);
      return { update: delta, e, x: tx.runningSquare(x, delta, rho) };
    },
  });
}

/** Options of {@linkcode adadelta}. */
export interface AdadeltaOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByAdadeltaOptions {}

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
): tx.GradientTransformation {
  return tx.coupled("Adadelta", options, 1, scaleByAdadelta, SCALE_RULES);
}

/**
 * The optimizer of {@linkcode adadelta}.
 *
 * Take it where no rate is to be tuned: it makes its own, which begin small. It keeps
 * two tensors for each parameter.
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: AdadeltaOptions = {}) {
    super(options, adadelta);
  }
}
