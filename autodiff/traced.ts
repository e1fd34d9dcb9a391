/**
 * Runs a function of states and arguments on the tape: what all of `grad`, `vjp` and
 * `linearize` share.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { activeLevels, lift } from "../internal/batching.ts";
import { adopt, isLocal, mapTensors, release } from "../memory.ts";
import { type Frame, frames } from "../internal/frames.ts";
import { gradientsReady } from "../internal/gradients_ready.ts";
import type { Task } from "./task.ts";
import {
  argument,
  checkFloats,
  checkRead,
  checkValue,
  pair,
} from "./task_checks.ts";

/** What a task gives. */
export interface Traced<T> {
  /** What was taken of the function. */
  readonly taken: T;
  /** The auxiliary value. */
  readonly aux: unknown;
}

/**
 * Runs the function of a task by `take`. Writes to states are kept; if it throws, all of
 * them are taken back, and no tensor leaks.
 *
 * @param take Calls the function it is given once. The tensors it is given next are the
 * values of the states and then the arguments that the function reads; they live until
 * `take` returns. The last argument wants to know gradients as soon as they are there.
 */
export function traced<T>(
  task: Task,
  take: (
    fn: () => tf.Tensor,
    xs: readonly tf.Tensor[],
    ready: typeof gradientsReady.now,
  ) => T,
): Traced<T> {
  const { states, argnums, from } = task;
  const leaves = [...states.keys()];
  const before = leaves.map((state) =>
    (from?.get(state) ?? state.value) as tf.Tensor
  );
  const inputs = argnums.map((i) => argument(task, i));
  checkFloats(task, before, inputs);

  // Clones have ids of their own: one tensor in two places is two inputs. Inside of vmap
  // each example has its own, so that each has a gradient.
  const levels = activeLevels();
  const xs = [...before, ...inputs].map((x) =>
    levels.length === 0 ? tf.clone(x) : tf.tidy(() => lift(tf.clone(x), levels))
  );
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
    const taken = take(
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
      xs,
      ready,
    );
    kept.forEach(adopt);
    if (from) rollback(frame);
    else commit(frame, leaves);
    return { taken, aux };
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
