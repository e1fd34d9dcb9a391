import * as tf from "@tensorflow/tfjs-core";
import { strided } from "../strided.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.stridedSlice` that is right where an axis is dropped and another one is
 * taken in steps; tfjs applies the steps to the wrong axes there.
 */
export function stridedSlice(
  x: tf.Tensor | tf.TensorLike,
  begin: number[],
  end: number[],
  strides?: number[],
  beginMask = 0,
  endMask = 0,
  ellipsisMask = 0,
  newAxisMask = 0,
  shrinkAxisMask = 0,
): tf.Tensor {
  const source = toTensor("take stridedSlice", "x", x);
  const taken = strided(source.shape, {
    begin,
    end,
    strides: strides ?? begin.map(() => 1),
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  });
  // Once more with every axis spelled out and none dropped. An end of -1 would
  // count from the end; the mask says "to the end" instead.
  const open = taken.end.reduce(
    (mask, at, i) => at < 0 ? mask | (1 << i) : mask,
    0,
  );
  const part = tf.stridedSlice(
    source,
    taken.begin,
    taken.end,
    taken.strides,
    0,
    open,
  );
  return tf.reshape(part, taken.shape);
}
