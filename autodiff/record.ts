/**
 * Runs a function so that it can be run again from the same states.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { isLocal, release } from "../memory.ts";
import { type Frame, frames } from "../frames.ts";

/** What running a function met and gave. */
export interface Recording<V> {
  /** What it returned. */
  readonly value: V;
  /** What each state that it touched held before: these very tensors. */
  readonly originals: ReadonlyMap<object, unknown>;
  /** The same, as kept clones. */
  readonly from: ReadonlyMap<object, unknown>;
}

/** Run `fn`, and keep what the states it touched held before. */
export function record<V extends tf.Tensor>(fn: () => V): Recording<V> {
  const frame = frames.push();
  // What is overwritten must survive until it is cloned.
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

/** Free the originals that the frame held back. */
function releaseOverwritten(frame: Frame) {
  for (const state of frame.writes) {
    const original = frame.originals.get(state);
    if (frames.peek(state) === original) continue; // an inner rollback restored it
    const held = frames.open.some((outer) => outer.holds(original));
    if (original instanceof tf.Tensor && !held) release(original);
  }
}
