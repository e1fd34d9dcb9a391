/**
 * The transformation of {@linkcode Optimizer} itself.
 *
 * @module
 */
import { checkOptions, refuse } from "../../internal/check.ts";
import { chain } from "../transforms/chain.ts";
import { decayed } from "../transforms/decay.ts";
import { scaleByLearningRate } from "../transforms/learning_rate.ts";
import { scaleByAdam } from "../transforms/scale_by_adam.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { TX_RULES, type TxOptions } from "./options.ts";

/** `tx`, or else Adam with an L2 penalty. */
export function txOf(options: TxOptions): GradientTransformation {
  const action = "create Optimizer";
  checkOptions<TxOptions>(action, options, TX_RULES);
  const { tx, weightDecay } = options;
  if (!tx) {
    return chain(...decayed(options), scaleByAdam(), scaleByLearningRate());
  }
  if (weightDecay !== undefined) {
    const rule = "part of tx where tx is given";
    refuse(action, "weightDecay", rule, weightDecay, TypeError);
  }
  return tx;
}
