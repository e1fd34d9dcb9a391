/**
 * LAMB.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode lamb}. */
export interface LambOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions {
  /** Decay rates of the mean gradient and mean square. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-6. */
  readonly eps?: number | undefined;
  /** Which parameters are scaled by their norm. Default: all. */
  readonly trustMask?: tx.Mask | undefined;
}

const RULES: OptionRules<LambOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  betas: tx.betas,
  eps: "a nonnegative finite number",
  trustMask: tx.mask,
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
export function lamb(options: LambOptions = {}): tx.GradientTransformation {
  checkOptions("create Lamb", options, RULES);
  const { betas, eps = 1e-6, trustMask } = options;
  return tx.pipeline(
    options,
    1e-3,
    tx.scaleByAdam({ betas, eps }),
    ...tx.decayed(options),
    tx.scaleByTrustRatio({ trustMask }),
  );
}

/**
 * The optimizer of {@linkcode lamb}.
 *
 * Take it for very large batches: its paper trains BERT with batches of up to 32,868.
 * It keeps two tensors for each parameter.
 */
export class Lamb extends Optimizer<LambOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: LambOptions = {}) {
    super(options, lamb);
  }
}
