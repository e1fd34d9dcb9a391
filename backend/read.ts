/**
 * Reads of tensors without waiting.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { currentBackend } from "./backends.ts";

/** The values of `x`, or undefined where the backend cannot read without waiting. */
export function readAtOnce(x: tf.Tensor): tf.TypedArray | undefined {
  return currentBackend()?.readsAtOnce === false ? undefined : x.dataSync();
}
