/**
 * LARS.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode lars}. */
export interface LarsOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions {
  /** The decay rate of the velocity. Default: 0.9. */
  readonly momentum?: number | undefined;
  /** The length of a step, in norms of the parameter. Default: 1e-3. */
  readonly trustCoefficient?: number | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
  /**
   * Which parameters are scaled by their norm. Those that start at zero are
   * better left out: as long as they are zero, their ratio is 1, and so a
   * thousand times that of the others. Default: all.
   */
  readonly trustMask?: tx.Mask | undefined;
}

const RULES: OptionRules<LarsOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  momentum: "a nonnegative finite number",
  trustCoefficient: "a positive finite number",
  eps: "a nonnegative finite number",
  trustMask: tx.mask,
};

/**
 * Gradient descent with steps in proportion to each parameter's norm.
 *
 * ```text
 * g ← g + λ θ
 * b ← μ b + η ‖θ‖ / (‖g‖ + ε) g      the ratio is 1 where a norm is 0
 * θ ← θ - α b
 * ```
 *
 * {@link https://arxiv.org/abs/1708.03888 | You et al., 2017}, as in optax, but
 * with the rate applied after the momentum.
 *
 * @param options `lr` is 1 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function lars(options: LarsOptions = {}): tx.GradientTransformation {
  checkOptions("create Lars", options, RULES);
  const { momentum = 0.9, trustCoefficient = 1e-3, eps = 1e-8, trustMask } =
    options;
  return tx.pipeline(
    options,
    1,
    ...tx.decayed(options),
    tx.scaleByTrustRatio({ trustCoefficient, eps, trustMask }),
    ...(momentum ? [tx.trace({ decay: momentum })] : []),
  );
}

/**
 * The optimizer of {@linkcode lars}.
 *
 * Take it for very large batches of images: its paper trains ResNet-50 with batches of
 * 32,000. It keeps one tensor for each parameter.
 */
export class Lars extends Optimizer<LarsOptions> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: LarsOptions = {}) {
    super(options, lars);
  }
}
