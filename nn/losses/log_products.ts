/**
 * Products with logarithms, which may be infinite.
 *
 * @module
 */
import * as tf from "../../tf.ts";

/**
 * `weight x`, where 0 times an infinity is 0, as in `0 ln 0 = 0`. The gradient in `x`
 * is `weight` there.
 */
export function weigh(weight: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const none = tf.logicalAnd(tf.equal(weight, 0), tf.isInf(x));
  return tf.mul(weight, tf.where(none, tf.zerosLike(x), x));
}
