import * as tf from "@tensorflow/tfjs-core";
import { equal } from "./comparisons.ts";
import { where } from "./where.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.divNoNan`, whose gradients are 0 where the divisor is: tfjs' are those of the
 * division that it leaves out.
 */
export function divNoNan<T extends tf.Tensor>(
  a: tf.Tensor | tf.TensorLike,
  b: tf.Tensor | tf.TensorLike,
): T {
  const divisor = toTensor("divide", "b", b);
  const isZero = equal(divisor, 0);
  const quotient = tf.div(a, where(isZero, tf.onesLike(divisor), divisor));
  return where(isZero, tf.zerosLike(quotient), quotient) as T;
}
