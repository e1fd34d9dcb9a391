/**
 * Runs a function of states and arguments, and differentiates it: what all of
 * `grad`, `vectorGrad` and `vjp` share.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { adopt, isLocal, mapTensors, release } from "../memory.ts";
import { type Frame, frames } from "../internal/frames.ts";
import { gradientsReady } from "../internal/gradients_ready.ts";
import { backpropagate } from "./tape.ts";
import type { Outcome, Task } from "./task.ts";
import {
  argument,
  checkFloats,
  checkRead,
  checkValue,
  pair,
} from "./task_checks.ts";

/**
 * Run the function once, and differentiate it. Writes to states are kept; if it throws,
 * all of them are taken back, and no tensor leaks.
 */
export function differentiate(task: Task): Outcome {
  const { states, argnums, from, captured = [] } = task;
  const leaves = [...states.keys()];
  const before = leaves.map((state) =>
    (from?.get(state) ?? state.value) as tf.Tensor
  );
  const inputs = argnums.map((i) => argument(task, i));
  checkFloats(task, before, inputs);

  // Clones have ids of their own: one tensor in two places is two inputs.
  const xs = [...before, ...inputs].map((x) => tf.clone(x));
  const args = [...task.args];
  argnums.forEach((i, k) => args[i] = xs[leaves.length + k]);

  const frame = frames.push();
  from?.forEach((value, state) => lend(frame, state, value));
  leaves.forEach((state, i) => lend(frame, state, xs[i]));
  const kept: tf.Tensor[] = [];
  // Not of gradients inside of the function.
  const ready = gradientsReady.now;
  gradientsReady.now = undefined;
  let aux: unknown;
  try {
    const { value, grads } = backpropagate(
      () => {
        const result = task.fn(...args);
        const [loss, rest] = task.hasAux ? pair(result) : [result, undefined];
        checkValue(task, loss);
        if (task.checkStates) checkRead(task, frame);
        aux = mapTensors(rest, (x) => {
          const clone = tf.keep(tf.clone(x));
          kept.push(clone);
          return clone;
        });
        // What somebody else owns must not become the caller's.
        return isLocal(loss) ? loss : tf.clone(loss);
      },
      [...xs, ...captured],
      task.dy,
      ready && ((index, grad) => {
        if (index < leaves.length) ready(leaves[index]!, grad);
      }),
    );
    const results = own(grads.slice(0, xs.length), xs, task.dy);
    kept.forEach(adopt);
    if (from) rollback(frame);
    else commit(frame, leaves);
    return {
      states: new Map(leaves.map((state, i) => [state, results[i]!])),
      args: results.slice(leaves.length),
      captured: grads.slice(xs.length),
      value,
      aux,
    };
  } catch (error) {
    tf.dispose(kept);
    rollback(frame);
    throw error;
  } finally {
    frames.pop();
    tf.dispose(xs);
  }
}

/** Sets the value of `state` until the frame ends; `value` is still owned by others. */
function lend(frame: Frame, state: object, value: unknown) {
  if (!frame.originals.has(state)) {
    frame.originals.set(state, frames.peek(state));
  }
  frame.pinned.add(value);
  frames.poke(state, value);
}

/** A tensor of its own for each gradient: zeros where there is none. */
function own(
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

/** Keep what was written, free what it replaced, give back what was lent. */
function commit(frame: Frame, leaves: readonly object[]) {
  for (const state of leaves) {
    if (!frame.writes.has(state)) {
      frames.poke(state, frame.originals.get(state));
    }
  }
  const outer = frames.open.slice(0, -1);
  for (const state of frame.writes) {
    const old = frame.originals.get(state);
    if (frames.peek(state) === old) continue; // an inner rollback restored it
    if (old instanceof tf.Tensor && !outer.some((f) => f.holds(old))) {
      release(old);
    }
  }
}

/** Restores the value of every state. */
function rollback(frame: Frame) {
  for (const [state, original] of frame.originals) {
    const written = frames.peek(state);
    if (written === original) continue;
    frames.poke(state, original);
    if (written instanceof tf.Tensor && !frame.pinned.has(written)) {
      release(written);
    }
  }
}
