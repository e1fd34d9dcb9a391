/**
 * Products and convolutions with a bias.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { isNested } from "../../internal/engine.ts";
import { runKernel } from "../kernel.ts";

/** Whether there is one kernel: its parts have second derivatives. */
function areCovered(...tensors: readonly tf.Tensor[]): boolean {
  return !isNested() &&
    tensors.every(({ dtype, size }) => dtype === "float32" && size > 0);
}

/**
 * `x W + b`, as one kernel with a gradient.
 *
 * @param x `[rows, in]`
 * @param weight `[in, out]`
 * @param bias `[out]`
 * @returns `[rows, out]`
 */
export function linear(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D,
): tf.Tensor2D {
  if (!areCovered(x, weight, bias)) {
    return tf.add(tf.matMul(x, weight), bias);
  }
  return runKernel(
    tf._FusedMatMul,
    { a: x, b: weight, bias },
    { transposeA: false, transposeB: false, activation: "linear" },
  );
}

/** Options of {@linkcode convolveImages}. */
export interface ConvolutionOptions {
  /** By axis. */
  readonly strides: [number, number];
  /** By axis. */
  readonly dilations: [number, number];
  /** What lies around the image. */
  readonly pad: "same" | "valid";
}

/**
 * A convolution of images with a bias, as one kernel with a gradient.
 *
 * @param x `[batch, height, width, in]`
 * @param filter `[height, width, in, out]`
 * @param bias `[out]`
 * @param options See {@linkcode ConvolutionOptions}.
 * @returns `[batch, height, width, out]`
 */
export function convolveImages(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  { strides, dilations, pad }: ConvolutionOptions,
): tf.Tensor4D {
  if (!areCovered(x, filter, bias)) {
    const y = tf.conv2d(x, filter, strides, pad, "NHWC", dilations);
    return tf.add(y, bias);
  }
  return runKernel(tf.FusedConv2D, { x, filter, bias }, {
    ...{ strides, pad, dilations, dataFormat: "NHWC" },
    activation: "linear",
  });
}
