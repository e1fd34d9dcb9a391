/**
 * How activation functions convert their input.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";

/** `fn` of `x` as float32, without the tensors made on the way. */
export function onFloats<T extends tf.Tensor>(
  x: T,
  fn: (x: T) => tf.Tensor,
): T {
  return tf.tidy(() => fn(floats(x)) as T);
}
