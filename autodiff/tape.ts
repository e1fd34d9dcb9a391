/**
 * Gradients of functions of tensors, on tfjs' tape.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../internal/engine.ts";
import {
  activeLevels,
  isFull,
  lift,
  offTape,
  onTape,
} from "../internal/batching.ts";
import { backward } from "./backward.ts";

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
 * @param onReady Told of the gradient in an input as soon as it is known.
 */
export function backpropagate(
  fn: () => tf.Tensor,
  xs: readonly tf.Tensor[],
  dy?: tf.Tensor,
  onReady?: (index: number, grad: tf.Tensor) => void,
): TapeResult {
  const { state } = engine();
  const outermost = state.gradientDepth === 0;
  // Not null in the backward pass of an outer call, which still needs it.
  const outer = state.activeTape;
  let value: tf.Tensor | undefined;
  try {
    value = record(fn);
    const grads = propagate(xs, value, dy, onReady);
    return { value, grads };
  } catch (error) {
    value?.dispose();
    throw error;
  } finally {
    if (outermost) {
      if (state.activeTape !== outer) {
        for (const node of state.activeTape ?? []) {
          node.saved?.forEach((x) => x.dispose());
        }
      }
      state.activeTape = outer;
    }
  }
}

/** Runs `fn` with its operations recorded. */
export function record(fn: () => tf.Tensor): tf.Tensor {
  engine().startTape();
  try {
    return tf.tidy(fn);
  } finally {
    engine().endTape();
  }
}

function propagate(
  xs: readonly tf.Tensor[],
  value: tf.Tensor,
  dy: tf.Tensor | undefined,
  onReady: ((index: number, grad: tf.Tensor) => void) | undefined,
): (tf.Tensor | null)[] {
  const levels = activeLevels();
  // Inputs differ by example there, so what does not is independent of them.
  if (!isFull(value, levels)) return xs.map(() => null);
  let grads: (tf.Tensor | null)[] = [];
  tf.tidy(() => {
    const tape = engine().state.activeTape ?? [];
    const first = dy ?? tf.ones(value.shape);
    grads = backward(
      tape,
      xs.map((x) => onTape(x, levels)),
      {
        ys: [onTape(value, levels)],
        dys: [onTape(lift(first, levels), levels)],
      },
      onReady && ((index, grad) => onReady(index, offTape(grad, levels))),
    ).map((grad) => grad && offTape(grad, levels));
    return grads.filter((x) => x !== null);
  });
  return grads;
}
