/**
 * Gradients of functions of tensors, on tfjs' tape.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../internal/engine.ts";

/** A function's value, and its gradient in each input. */
export interface TapeResult {
  /** The value of the function. */
  readonly value: tf.Tensor;
  /** For each input, its gradient; null where the value does not depend on it. */
  readonly grads: readonly (tf.Tensor | null)[];
}

/**
 * Runs `fn`, and propagates `dy` backward to `xs`.
 *
 * Unlike `tf.engine().gradients`, it frees the tensors that the tape saved when `fn` or
 * a gradient throws, and may run inside the backward pass of a custom gradient.
 *
 * @param fn Computes a new tensor from `xs`.
 * @param xs The inputs: the same tensor objects that `fn` reads.
 * @param dy The gradient in the value. Default: ones.
 */
export function backpropagate(
  fn: () => tf.Tensor,
  xs: readonly tf.Tensor[],
  dy?: tf.Tensor,
): TapeResult {
  const state = engine().state;
  const outermost = state.gradientDepth === 0;
  // Not null in the backward pass of an outer call, which still needs it.
  const tape = state.activeTape;
  let value: tf.Tensor | undefined;
  try {
    return tf.engine().gradients(
      () => value = fn(),
      [...xs],
      dy,
      true,
    ) as TapeResult;
  } catch (error) {
    value?.dispose();
    if (outermost && state.activeTape !== tape) {
      for (const node of state.activeTape ?? []) {
        node.saved?.forEach((x) => x.dispose());
      }
    }
    throw error;
  } finally {
    if (outermost) state.activeTape = tape;
  }
}
