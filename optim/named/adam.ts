/**
 * Adam.
 *
 * @module
 */
import type { OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode adam}. */
export interface AdamOptions
  extends tx.OptimizerOptions, tx.ScaleByAdamOptions, tx.WeightDecayOptions {}

/** What the options of Adam and AdamW must be. */
export const ADAM_RULES: OptionRules<AdamOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.SCALE_BY_ADAM_RULES,
};

/**
 * Adam with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByAdam} for the rule; {@linkcode adamw} decouples the decay.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adam(options: AdamOptions = {}): tx.GradientTransformation {
  return tx.coupled(
    "Adam",
    options,
    1e-3,
    tx.scaleByAdam,
    tx.SCALE_BY_ADAM_RULES,
  );
}

/**
 * The optimizer of {@linkcode adam}.
 *
 * Take it as a first try where weights do not decay, since its steps hardly depend on
 * the scale of gradients; with decay take {@linkcode AdamW}. It keeps two tensors for
 * each parameter.
 */
export class Adam extends Optimizer<AdamOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: AdamOptions = {}) {
    super(options, adam);
  }
}
