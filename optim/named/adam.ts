/**
 * Adam.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { decayed } from "../transforms/decay.ts";
import {
  DECAY_RULES,
  OPTIMIZER_RULES,
  type OptimizerOptions,
  type WeightDecayOptions,
} from "../transforms/options.ts";
import { pipeline } from "../transforms/pipeline.ts";
import {
  SCALE_BY_ADAM_RULES,
  scaleByAdam,
  type ScaleByAdamOptions,
} from "../transforms/scale_by_adam.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";

/** Options of {@linkcode adam}. */
export interface AdamOptions
  extends OptimizerOptions, ScaleByAdamOptions, WeightDecayOptions {}

/** What the options of Adam and AdamW must be. */
export const ADAM_RULES: OptionRules<AdamOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  ...SCALE_BY_ADAM_RULES,
};

/**
 * Adam with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByAdam} for the rule; {@linkcode adamw} decouples the decay.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adam(options: AdamOptions = {}): GradientTransformation {
  checkOptions("create Adam", options, ADAM_RULES);
  return pipeline(
    options,
    1e-3,
    ...decayed(options),
    scaleByAdam(pick(options, SCALE_BY_ADAM_RULES)),
  );
}

/** The optimizer of {@linkcode adam}. */
export class Adam extends Optimizer<AdamOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: AdamOptions = {}) {
    super(options, adam);
  }
}
