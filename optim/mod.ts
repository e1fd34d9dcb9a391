/**
 * Optimizers: pure transformations of gradients, and the classes that hold their
 * state.
 *
 * @module
 */
export {
  Expr,
  type Extent,
  type Head,
  type Op,
} from "../backend/fusion/mod.ts";
export * from "./adabelief.ts";
export * from "./adadelta.ts";
export * from "./adafactor.ts";
export * from "./adagrad.ts";
export * from "./adam.ts";
export * from "./adamax.ts";
export * from "./adamw.ts";
export * from "./base.ts";
export { chain } from "./chain.ts";
export * from "./clip.ts";
export { addDecayedWeights, type WeightDecayOptions } from "./decay.ts";
export * from "./fromage.ts";
export * from "./lamb.ts";
export * from "./lars.ts";
export * from "./lbfgs.ts";
export type { Closure, Evaluation, LineFunction } from "./line.ts";
export * from "./line_search.ts";
export * from "./lion.ts";
export * from "./lookahead.ts";
export { isMatrix, type Mask } from "./mask.ts";
export * from "./momentum.ts";
export * from "./nadam.ts";
export * from "./novograd.ts";
export * from "./optimizer.ts";
export type { OptimizerState } from "./optimizer_state.ts";
export * from "./partition.ts";
export * from "./per_tensor.ts";
export * from "./radam.ts";
export { type OptimizerOptions, scaleByLearningRate } from "./rate.ts";
export * from "./rmsprop.ts";
export * from "./rprop.ts";
export {
  elementwise,
  type Rule,
  type SlotStart,
  type StepInfo,
} from "./rule.ts";
export * from "./scale_by_adam.ts";
export * from "./scale_by_lbfgs.ts";
export * from "./schedulers/mod.ts";
export * from "./sgd.ts";
export * from "./sm3.ts";
export * from "./trace.ts";
export {
  scaleByTrustRatio,
  type ScaleByTrustRatioOptions,
} from "./trust_ratio.ts";
export * from "./yogi.ts";
export type { States } from "../state.ts";
export type { Named, Tensors } from "../tensors.ts";
