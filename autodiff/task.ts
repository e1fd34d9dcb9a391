/**
 * What `differentiate` takes and returns.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { State } from "../state.ts";

/** The function to differentiate, and in what. */
export interface Task {
  /** Called with `args`, the differentiated ones replaced by clones. */
  readonly fn: (...args: readonly unknown[]) => unknown;
  /** The arguments. */
  readonly args: readonly unknown[];
  /** The states to differentiate in, with the names errors call them by. */
  readonly states: ReadonlyMap<State<tf.Tensor>, string>;
  /** The indices of arguments to differentiate in. */
  readonly argnums: readonly number[];
  /** Tensors that `fn` reads without being given them. Default: none. */
  readonly captured?: readonly tf.Tensor[];
  /** Whether `fn` returns `[value, aux]`. */
  readonly hasAux: boolean;
  /** Whether every state must be read. */
  readonly checkStates: boolean;
  /** Whether the value must be a scalar. */
  readonly scalar: boolean;
  /** The gradient in the value. Default: ones. */
  readonly dy?: tf.Tensor;
  /**
   * What states held when the function ran before: run it again from there, and
   * take back all it writes.
   */
  readonly from?: ReadonlyMap<object, unknown>;
}

/** The value of the function and its gradients. */
export interface Outcome {
  /** The gradient in each state. */
  readonly states: ReadonlyMap<State<tf.Tensor>, tf.Tensor>;
  /** The gradient in each argument of `argnums`. */
  readonly args: readonly tf.Tensor[];
  /** The gradient in each of `captured`; null where the value does not depend on it. */
  readonly captured: readonly (tf.Tensor | null)[];
  /** The value of the function. */
  readonly value: tf.Tensor;
  /** The auxiliary value. */
  readonly aux: unknown;
}
