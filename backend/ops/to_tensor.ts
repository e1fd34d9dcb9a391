import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, tensor } from "../../internal/check.ts";

/**
 * A tensor of what an op is given.
 *
 * @param action What cannot be done without, as in `"take einsum"`.
 * @param name The argument, as its caller knows it.
 * @param x A tensor, a number, or an array of numbers.
 * @param dtype The type of a new tensor. Default: what tfjs finds.
 * @throws {TypeError} If it is none of those, or a tensor that has been disposed.
 */
export function toTensor(
  action: string,
  name: string,
  x: tf.Tensor | tf.TensorLike,
  dtype?: tf.DataType,
): tf.Tensor {
  if (x instanceof tf.Tensor) {
    check(action, name, x, tensor);
    return x;
  }
  const isArray = Array.isArray(x) || ArrayBuffer.isView(x);
  if (isArray || ["number", "boolean", "string"].includes(typeof x)) {
    return tf.tensor(x, undefined, dtype);
  }
  refuse(action, name, "a tensor or an array of numbers", x, TypeError);
}
