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
export * from "./adam.ts";
export * from "./adamw.ts";
export * from "./base.ts";
export { chain } from "./chain.ts";
export * from "./clip.ts";
export { addDecayedWeights, type WeightDecayOptions } from "./decay.ts";
export { isMatrix, type Mask } from "./mask.ts";
export * from "./momentum.ts";
export * from "./optimizer.ts";
export type { OptimizerState } from "./optimizer_state.ts";
export * from "./partition.ts";
export { type OptimizerOptions, scaleByLearningRate } from "./rate.ts";
export {
  elementwise,
  type Rule,
  type SlotStart,
  type StepInfo,
} from "./rule.ts";
export * from "./scale_by_adam.ts";
export * from "./schedulers/mod.ts";
export * from "./sgd.ts";
export * from "./trace.ts";
