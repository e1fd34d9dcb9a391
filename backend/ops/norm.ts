import * as tf from "@tensorflow/tfjs-core";
import { equal } from "./comparisons.ts";
import { where } from "./where.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.norm`, whose gradient is 0 where all elements are: tfjs' is NaN there, from the
 * slope of a root.
 */
export const norm: typeof tf.norm = (
  x,
  ord = "euclidean",
  axis,
  keepDims = false,
) => {
  const given: tf.Tensor = toTensor("take norm", "x", x);
  const axes = tf.util.parseAxisParam(axis!, given.shape);
  if (given.size === 0) return tf.norm(given, ord, axis, keepDims);
  const isZero = equal(tf.max(tf.abs(given), axes, true), 0);
  // The root of what is not there is taken of ones.
  const ones = where(isZero, tf.onesLike(given), given);
  const y = tf.norm(ones, ord, axis, keepDims);
  return where(tf.reshape(isZero, y.shape), tf.zerosLike(y), y);
};
