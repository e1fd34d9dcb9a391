/**
 * The type that layers compute with.
 *
 * @module
 */
import * as tf from "../../tf.ts";

/** `x` as float32; a tensor of integers or booleans is converted. */
export function floats<T extends tf.Tensor>(x: T): T {
  return x.dtype === "float32" ? x : tf.cast(x, "float32");
}
