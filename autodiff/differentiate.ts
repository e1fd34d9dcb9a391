/**
 * Runs a function of states and arguments, and differentiates it: what all of
 * `grad`, `vectorGrad` and `vjp` share.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { backpropagate } from "./tape.ts";
import type { Outcome, Task } from "./task.ts";
import { traced } from "./traced.ts";

/**
 * Run the function once, and differentiate it. Writes to states are kept; if it throws,
 * all of them are taken back, and no tensor leaks.
 */
export function differentiate(task: Task): Outcome {
  const { captured = [], dy } = task;
  const leaves = [...task.states.keys()];
  const { taken, aux } = traced(task, (fn, xs, ready) => {
    const { value, grads } = backpropagate(
      fn,
      [...xs, ...captured],
      dy,
      ready && ((index, grad) => {
        if (index < leaves.length) ready(leaves[index]!, grad);
      }),
    );
    return {
      value,
      results: own(grads.slice(0, xs.length), xs, dy),
      captured: grads.slice(xs.length),
    };
  });
  const { value, results } = taken;
  return {
    states: new Map(leaves.map((state, i) => [state, results[i]!])),
    args: results.slice(leaves.length),
    captured: taken.captured,
    value,
    aux,
  };
}

/** A tensor of its own for each gradient: zeros where there is none. */
export function own(
  grads: readonly (tf.Tensor | null)[],
  xs: readonly tf.Tensor[],
  dy: tf.Tensor | undefined,
): tf.Tensor[] {
  const seen = new Set<tf.Tensor | undefined>([dy, ...xs]);
  return grads.map((grad, i) => {
    if (!grad) return tf.zeros(xs[i]!.shape);
    if (seen.has(grad) || grad.kept) return tf.clone(grad);
    seen.add(grad);
    return grad;
  });
}
