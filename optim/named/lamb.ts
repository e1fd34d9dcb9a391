/**
 * LAMB.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { decayed } from "../transforms/decay.ts";
import type { Mask } from "../transforms/mask.ts";
import {
  betas,
  DECAY_RULES,
  mask,
  OPTIMIZER_RULES,
  type OptimizerOptions,
  type WeightDecayOptions,
} from "../transforms/options.ts";
import { pipeline } from "../transforms/pipeline.ts";
import { scaleByAdam } from "../transforms/scale_by_adam.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { scaleByTrustRatio } from "../transforms/trust_ratio.ts";

/** Options of {@linkcode lamb}. */
export interface LambOptions extends OptimizerOptions, WeightDecayOptions {
  /** Decay rates of the mean gradient and mean square. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-6. */
  readonly eps?: number | undefined;
  /** Which parameters are scaled by their norm. Default: all. */
  readonly trustMask?: Mask | undefined;
}

const RULES: OptionRules<LambOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  betas,
  eps: "a nonnegative finite number",
  trustMask: mask,
};

/**
 * Adam with steps in proportion to each parameter's norm.
 *
 * ```text
 * r = m̂ / (√v̂ + ε) + λ θ      m̂, v̂ as in scaleByAdam
 * θ ← θ - α ‖θ‖ / ‖r‖ · r     the ratio is 1 where a norm is 0
 * ```
 *
 * {@link https://arxiv.org/abs/1904.00962 | You et al., 2019}, as in optax.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function lamb(options: LambOptions = {}): GradientTransformation {
  checkOptions("create Lamb", options, RULES);
  const { betas, eps = 1e-6, trustMask } = options;
  return pipeline(
    options,
    1e-3,
    scaleByAdam({ betas, eps }),
    ...decayed(options),
    scaleByTrustRatio({ trustMask }),
  );
}

/** The optimizer of {@linkcode lamb}. */
export class Lamb extends Optimizer<LambOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: LambOptions = {}) {
    super(options, lamb);
  }
}
