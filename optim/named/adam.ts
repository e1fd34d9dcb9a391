/**
 * Adam.
 *
 * @module
 */
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions } from "../check.ts";
import { decayed, type WeightDecayOptions } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { type OptimizerOptions, pipeline } from "../transforms/pipeline.ts";
import {
  scaleByAdam,
  type ScaleByAdamOptions,
} from "../transforms/scale_by_adam.ts";

/** Options of {@linkcode adam}. */
export interface AdamOptions
  extends OptimizerOptions, ScaleByAdamOptions, WeightDecayOptions {}

/**
 * Adam with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByAdam} for the rule; {@linkcode adamw} decouples the decay.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adam(options: AdamOptions = {}): GradientTransformation {
  checkOptions("Adam", options);
  return pipeline(options, 1e-3, ...decayed(options), scaleByAdam(options));
}

/** The optimizer of {@linkcode adam}. */
export class Adam extends Optimizer<AdamOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 1e-3 by default, `weightDecay` 0.
   */
  constructor(options: AdamOptions = {}) {
    super(options);
  }

  /** The transformation of the class. */
  protected override defaultTx(options: AdamOptions): GradientTransformation {
    return adam(options);
  }
}
