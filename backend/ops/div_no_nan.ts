import * as tf from "@tensorflow/tfjs-core";
import { equal } from "./comparisons.ts";
import { where } from "./where.ts";

/**
 * `tf.divNoNan`, whose gradients are 0 where the divisor is: tfjs' are those of the
 * division that it leaves out.
 */
export function divNoNan<T extends tf.Tensor>(
  a: tf.Tensor | tf.TensorLike,
  b: tf.Tensor | tf.TensorLike,
): T {
  const divisor = b instanceof tf.Tensor ? b : tf.tensor(b);
  const isZero = equal(divisor, 0);
  const quotient = tf.div(a, where(isZero, tf.onesLike(divisor), divisor));
  return where(isZero, tf.zerosLike(quotient), quotient) as T;
}
