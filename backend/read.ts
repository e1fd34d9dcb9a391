/**
 * Reads of tensors without waiting.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { recording } from "../internal/recording.ts";
import { currentBackend } from "./backends.ts";

/** Whether the current backend reads tensors without waiting. */
export function readsAtOnce(): boolean {
  return currentBackend()?.readsAtOnce !== false;
}

/** Whether `x.dataSync()` can be called, although it may wait for the device. */
export function canRead(): boolean {
  const { readsAtOnce = false } = tf.backend() as { readsAtOnce?: boolean };
  return readsAtOnce || currentBackend()?.readsAtOnce !== false;
}

/**
 * Look at the values of a tensor where that needs no waiting: now, and in each replay
 * of what is being recorded.
 *
 * @param x The tensor.
 * @param look May throw; what else it does must not depend on the values.
 * @returns Whether the values were looked at.
 */
export function inspectAtOnce(
  x: tf.Tensor,
  look: (values: tf.TypedArray) => void,
): boolean {
  if (!readsAtOnce()) return false;
  const read = () => look(x.dataSync());
  if (recording.now) recording.now.inspect(x, look, read);
  else read();
  return true;
}
