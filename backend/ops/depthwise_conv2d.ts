import * as tf from "@tensorflow/tfjs-core";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.depthwiseConv2d` that heeds `dataFormat: "NCHW"`, where tfjs' kernels and
 * gradients read the image as if its channels came last.
 */
export function depthwiseConv2d<T extends tf.Tensor3D | tf.Tensor4D>(
  x: T | tf.TensorLike,
  filter: tf.Tensor4D | tf.TensorLike,
  strides: [number, number] | number,
  pad: Parameters<typeof tf.depthwiseConv2d>[3],
  dataFormat: "NHWC" | "NCHW" = "NHWC",
  dilations: [number, number] | number = 1,
  dimRoundingMode?: "floor" | "round" | "ceil",
): T {
  if (dataFormat === "NHWC") {
    return tf.depthwiseConv2d(
      x,
      filter,
      strides,
      pad,
      dataFormat,
      dilations,
      dimRoundingMode,
    );
  }
  const image: tf.Tensor = toTensor("take depthwiseConv2d", "x", x);
  const [last, first] = image.rank === 3
    ? [[1, 2, 0], [2, 0, 1]]
    : [[0, 2, 3, 1], [0, 3, 1, 2]];
  const y = tf.depthwiseConv2d(
    tf.transpose(image, last) as T,
    filter,
    strides,
    Array.isArray(pad) ? [pad[0], pad[2], pad[3], pad[1]] : pad,
    "NHWC",
    dilations,
    dimRoundingMode,
  );
  return tf.transpose(y, first);
}
