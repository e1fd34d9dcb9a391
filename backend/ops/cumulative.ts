import * as tf from "@tensorflow/tfjs-core";

/** `tf.cumsum` that also counts axes from the end. */
export function cumsum<T extends tf.Tensor>(
  x: tf.Tensor | tf.TensorLike,
  axis = 0,
  exclusive = false,
  reverse = false,
): T {
  const source = x instanceof tf.Tensor ? x : tf.tensor(x);
  return tf.cumsum(source, positive(axis, source), exclusive, reverse);
}

/** `tf.cumprod` that also counts axes from the end. */
export function cumprod<T extends tf.Tensor>(
  x: tf.Tensor | tf.TensorLike,
  axis = 0,
  exclusive = false,
  reverse = false,
): T {
  const source = x instanceof tf.Tensor ? x : tf.tensor(x);
  return tf.cumprod(source, positive(axis, source), exclusive, reverse);
}

function positive(axis: number, x: tf.Tensor): number {
  return tf.util.parseAxisParam(axis, x.shape)[0]!;
}
