/**
 * Braintape trains neural networks.
 *
 * @module
 */
export * as tf from "./tf.ts";
export * as autodiff from "./autodiff/mod.ts";
export * from "./backend/mod.ts";
export { environ, type Environment } from "./environ.ts";
export { scope } from "./memory.ts";
export {
  type AnyState,
  BatchState,
  HiddenState,
  LongTermState,
  ParamState,
  ShortTermState,
  State,
  type StateOptions,
  type States,
  values,
} from "./state.ts";
export * as random from "./random.ts";
export { type RandomKey, RandomState } from "./random.ts";
export { fromNames, mapNamed, type Named, type Tensors } from "./tensors.ts";
export * as nn from "./nn/mod.ts";
