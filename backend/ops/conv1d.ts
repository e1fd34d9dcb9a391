import * as tf from "@tensorflow/tfjs-core";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.conv1d` that takes a number as padding, which tfjs adds to an axis of height
 * too.
 */
export const conv1d: typeof tf.conv1d = <T extends tf.Tensor2D | tf.Tensor3D>(
  x: T | tf.TensorLike,
  filter: tf.Tensor3D | tf.TensorLike,
  stride: number,
  pad: Parameters<typeof tf.conv1d>[3],
  dataFormat?: "NWC" | "NCW",
  dilation?: number,
  dimRoundingMode?: "floor" | "round" | "ceil",
): T => {
  if (typeof pad !== "number" || pad === 0) {
    return tf.conv1d<T>(
      x,
      filter,
      stride,
      pad,
      dataFormat,
      dilation,
      dimRoundingMode,
    );
  }
  const rows = toTensor("take conv1d", "x", x);
  // The last axis but one, of which there are as many before as after.
  const ends = rows.shape.map((_, i): [number, number] =>
    i === rows.rank - 2 ? [pad, pad] : [0, 0]
  );
  const padded = tf.pad(rows, ends) as T;
  return tf.conv1d<T>(padded, filter, stride, "valid", dataFormat, dilation);
};
