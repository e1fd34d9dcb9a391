import * as tf from "@tensorflow/tfjs-core";
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
  const steps = strides ?? begin.map(() => 1);
  const info = tf.slice_util.sliceInfo(
    source.shape,
    begin,
    end,
    steps,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  ) as unknown as {
    begin: number[];
    end: number[];
    strides: number[];
    finalShape: number[];
  };
  // Once more with every axis spelled out and none dropped. An end of -1 would
  // count from the end; the mask says "to the end" instead.
  const open = info.end.reduce(
    (mask, at, i) => at < 0 ? mask | (1 << i) : mask,
    0,
  );
  const part = tf.stridedSlice(
    source,
    info.begin,
    info.end,
    info.strides,
    0,
    open,
  );
  return tf.reshape(part, info.finalShape);
}
