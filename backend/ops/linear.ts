import * as tf from "@tensorflow/tfjs-core";
import { isNested } from "../../internal/engine.ts";
import { runKernel } from "../kernel.ts";

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
  const isCovered = [x, weight, bias]
    .every(({ dtype, size }) => dtype === "float32" && size > 0);
  // Parts have second derivatives.
  if (!isCovered || isNested()) return tf.add(tf.matMul(x, weight), bias);
  return runKernel(
    tf._FusedMatMul,
    { a: x, b: weight, bias },
    { transposeA: false, transposeB: false, activation: "linear" },
  );
}
