import * as tf from "@tensorflow/tfjs-core";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.batchNorm` that can be differentiated without `offset` and `scale`: tfjs'
 * tape fails on inputs that are not there, so they become zeros and ones.
 */
export function batchNorm<R extends tf.Rank>(
  x: tf.Tensor<R> | tf.TensorLike,
  mean: tf.Tensor<R> | tf.Tensor1D | tf.TensorLike,
  variance: tf.Tensor<R> | tf.Tensor1D | tf.TensorLike,
  offset?: tf.Tensor<R> | tf.Tensor1D | tf.TensorLike,
  scale?: tf.Tensor<R> | tf.Tensor1D | tf.TensorLike,
  varianceEpsilon?: number,
): tf.Tensor<R> {
  const center: tf.Tensor = toTensor("take batchNorm", "mean", mean);
  const filled = (value: number) =>
    tf.fill(center.shape as tf.ShapeMap[R], value) as tf.Tensor<R>;
  return tf.batchNorm(
    x,
    center as tf.Tensor<R>,
    variance,
    offset ?? filled(0),
    scale ?? filled(1),
    varianceEpsilon,
  );
}

/** `tf.batchNorm2d`, as {@linkcode batchNorm}. */
export const batchNorm2d: typeof tf.batchNorm2d = batchNorm;
/** `tf.batchNorm3d`, as {@linkcode batchNorm}. */
export const batchNorm3d: typeof tf.batchNorm3d = batchNorm;
/** `tf.batchNorm4d`, as {@linkcode batchNorm}. */
export const batchNorm4d: typeof tf.batchNorm4d = batchNorm;
