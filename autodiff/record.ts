/**
 * Runs a function, and records the states that it begins with, to run it again.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { isLocal, release } from "../memory.ts";
import { type Frame, frames } from "../internal/frames.ts";

/** The result of a function, and the states that it began with. */
export interface Recording<V> {
  /** The result. */
  readonly value: V;
  /** The value that each state, read or written, had before: the same tensors. */
  readonly originals: ReadonlyMap<object, unknown>;
  /** The same, as kept clones. */
  readonly from: ReadonlyMap<object, unknown>;
}

/** Runs `fn`, and keeps the values that its states had before. */
export function record<V extends tf.Tensor>(fn: () => V): Recording<V> {
  const frame = frames.push();
  const from = new Map<object, unknown>();
  try {
    const value = tf.tidy(() => {
      const result = fn();
      for (const [state, original] of frame.originals) {
        from.set(
          state,
          original instanceof tf.Tensor
            ? tf.keep(tf.clone(original))
            : original,
        );
      }
      return isLocal(result) ? result : tf.clone(result);
    });
    return { value, from, originals: frame.originals };
  } finally {
    frames.pop();
    releaseOverwritten(frame);
  }
}

/** Frees the overwritten values that the frame kept alive. */
function releaseOverwritten(frame: Frame) {
  for (const state of frame.writes) {
    const original = frame.originals.get(state);
    if (frames.peek(state) === original) continue; // an inner rollback restored it
    const held = frames.open.some((outer) => outer.holds(original));
    if (original instanceof tf.Tensor && !held) release(original);
  }
}
