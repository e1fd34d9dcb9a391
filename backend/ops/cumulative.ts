import * as tf from "@tensorflow/tfjs-core";
import { toTensor } from "./to_tensor.ts";

/** `tf.cumsum` that also counts axes from the end. */
export function cumsum<T extends tf.Tensor>(
  x: tf.Tensor | tf.TensorLike,
  axis = 0,
  exclusive = false,
  reverse = false,
): T {
  const source = toTensor("take cumsum", "x", x);
  return tf.cumsum(source, positive(axis, source), exclusive, reverse);
}

/** `tf.cumprod` that also counts axes from the end. */
export function cumprod<T extends tf.Tensor>(
  x: tf.Tensor | tf.TensorLike,
  axis = 0,
  exclusive = false,
  reverse = false,
): T {
  const source = toTensor("take cumprod", "x", x);
  return tf.cumprod(source, positive(axis, source), exclusive, reverse);
}

function positive(axis: number, x: tf.Tensor): number {
  return tf.util.parseAxisParam(axis, x.shape)[0]!;
}
