/**
 * LARS.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { decayed } from "../transforms/decay.ts";
import type { Mask } from "../transforms/mask.ts";
import {
  DECAY_RULES,
  mask,
  OPTIMIZER_RULES,
  type OptimizerOptions,
  type WeightDecayOptions,
} from "../transforms/options.ts";
import { pipeline } from "../transforms/pipeline.ts";
import { trace } from "../transforms/trace.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { scaleByTrustRatio } from "../transforms/trust_ratio.ts";

/** Options of {@linkcode lars}. */
export interface LarsOptions extends OptimizerOptions, WeightDecayOptions {
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
  readonly trustMask?: Mask | undefined;
}

const RULES: OptionRules<LarsOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  momentum: "a nonnegative finite number",
  trustCoefficient: "a positive finite number",
  eps: "a nonnegative finite number",
  trustMask: mask,
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
export function lars(options: LarsOptions = {}): GradientTransformation {
  checkOptions("create Lars", options, RULES);
  const { momentum = 0.9, trustCoefficient = 1e-3, eps = 1e-8, trustMask } =
    options;
  return pipeline(
    options,
    1,
    ...decayed(options),
    scaleByTrustRatio({ trustCoefficient, eps, trustMask }),
    ...(momentum ? [trace({ decay: momentum })] : []),
  );
}

/** The optimizer of {@linkcode lars}. */
export class Lars extends Optimizer<LarsOptions> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: LarsOptions = {}) {
    super(options, lars);
  }
}
