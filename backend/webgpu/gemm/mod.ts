/**
 * Products of our own: matrices and convolutions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
import {
  convolve,
  filterGradient,
  fusedConv2D,
  inputGradient,
} from "./convolution.ts";
import {
  depthwise,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  fusedDepthwise,
} from "./depthwise.ts";
import { batchMatMul, fusedMatMul } from "./matmul.ts";

const KERNELS: Readonly<Record<string, KernelFunc>> = {
  [tf.BatchMatMul]: batchMatMul,
  [tf._FusedMatMul]: fusedMatMul,
  [tf.Conv2D]: convolve(false),
  [tf.FusedConv2D]: fusedConv2D,
  [tf.Conv2DBackpropInput]: inputGradient(false),
  [tf.Conv2DBackpropFilter]: filterGradient(false),
  [tf.DepthwiseConv2dNative]: depthwise,
  [tf.FusedDepthwiseConv2D]: fusedDepthwise,
  [tf.DepthwiseConv2dNativeBackpropInput]: depthwiseInputGradient,
  [tf.DepthwiseConv2dNativeBackpropFilter]: depthwiseFilterGradient,
  [tf.Conv3D]: convolve(true),
  [tf.Conv3DBackpropInputV2]: inputGradient(true),
  [tf.Conv3DBackpropFilterV2]: filterGradient(true),
};

/** Put our products in place of tfjs'. */
export function registerProducts(): void {
  for (const [name, kernel] of Object.entries(KERNELS)) {
    replaceKernel("webgpu", name, () => kernel);
  }
}
