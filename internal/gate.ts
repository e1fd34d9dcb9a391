/**
 * Steps that may turn out to be void: on the device they have no effect once a loss was
 * not finite, and on the host they are taken back when that is read. Internal.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/** The step that is being taken, where it may turn out to be void. */
export const gate: {
  /** A number on the device: 1 while steps count, 0 once they are void. */
  open: tf.Scalar | undefined;
  /** Adds what takes back a change on the host, in case that the step is void. */
  undo: ((fn: () => void) => void) | undefined;
} = { open: undefined, undo: undefined };

/** Runs `fn`, while what it changes on the device counts only where `open` is 1. */
export function behindGate<T>(open: tf.Scalar, fn: () => T): T {
  const before = gate.open;
  gate.open = open;
  try {
    return fn();
  } finally {
    gate.open = before;
  }
}
