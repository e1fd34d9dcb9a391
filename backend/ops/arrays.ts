import * as tf from "@tensorflow/tfjs-core";
import { commonType } from "../guards/types.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.unstack` whose array is the caller's: tfjs' tape keeps the one it returns, and
 * would take gradients in the order that it has by then.
 */
export const unstack: typeof tf.unstack = (x, axis) => [
  ...tf.unstack(x, axis),
];

/** `tf.split` whose array is the caller's, as that of {@linkcode unstack}. */
export const split: typeof tf.split = <T extends tf.Tensor>(
  x: tf.Tensor | tf.TensorLike,
  numOrSizeSplits: number[] | number,
  axis?: number,
): T[] => [...tf.split<T>(x, numOrSizeSplits, axis)];

/** `tf.addN` of tensors of several types, which become one as in `tf.add`. */
export const addN: typeof tf.addN = <T extends tf.Tensor>(
  tensors: (T | tf.TensorLike)[],
): T => {
  if (!Array.isArray(tensors) || tensors.length === 0) return tf.addN(tensors);
  const list = tensors.map((x, i) => toTensor("add", `tensors[${i}]`, x));
  const type = commonType(list.map(({ dtype }) => dtype));
  return tf.addN(
    list.map((x) => x.dtype === type ? x : tf.cast(x, type)) as T[],
  );
};
