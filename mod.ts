/**
 * Braintape trains neural networks: modules that hold states, gradients taken with
 * tfjs' tape, optimizers and learning-rate schedulers, on WebAssembly or WebGPU
 * chosen at run time.
 *
 * @example Fit a line
 * ```ts
 * import { autodiff, nn, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const params = model.states(ParamState);
 * const optimizer = new optim.SGD({ lr: 0.3 }).registerTrainableWeights(params);
 *
 * const x = tf.tensor2d([[0], [1], [2]]), y = tf.tensor2d([[1], [3], [5]]);
 * const gradient = autodiff.grad(
 *   () => tf.mean(tf.squaredDifference(model.call(x), y)),
 *   { states: params },
 * );
 * for (let i = 0; i < 200; i++) optimizer.step(gradient());
 *
 * const [slope] = await params["weight"]!.value.data();
 * assertAlmostEquals(slope!, 2, 1e-4);
 * ```
 *
 * @module
 */
export * as autodiff from "./autodiff/mod.ts";
export * from "./backend/mod.ts";
export * from "./checkpoint.ts";
export {
  compile,
  type Compiled,
  type CompileOptions,
  type CompileReport,
  type ProgramReport,
} from "./compile.ts";
export * from "./control_flow/mod.ts";
export * as data from "./data/mod.ts";
export { environ, type Environment } from "./environ.ts";
export { scope } from "./memory.ts";
export * as nn from "./nn/mod.ts";
export * as optim from "./optim/mod.ts";
export * from "./profile/mod.ts";
export * as random from "./random.ts";
export { type RandomKey, RandomState } from "./random.ts";
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
export { fromNames, mapNamed, type Named, type Tensors } from "./tensors.ts";
export * as tf from "./tf.ts";
export * as train from "./train/mod.ts";
export * from "./vmap/mod.ts";
