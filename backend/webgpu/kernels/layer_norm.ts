/**
 * The last axis with mean 0 and variance 1, and the gradient of that: kernels that
 * tfjs lacks, run by `backend/ops/standardize.ts`.
 *
 * ```text
 * y = (x - mean x) scale       scale = 1 / √(var x + ε)
 * dx = (dy - mean dy - y mean(y dy)) scale
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import { eachColumn, type RowProgram, rowsOf, runRows } from "./rows.ts";
import { output } from "./run.ts";

const LAYER_NORM: RowProgram = {
  name: "layer_norm",
  outputs: { Y: "f32", S: "f32" },
  inputs: { X: "f32" },
  uniforms: { eps: "f32" },
  code: `let n = f32(uniforms.columns);
  var sum = 0.0;
  ${eachColumn("sum += X[at];")}
  let mean = rowSum(sum) / n;
  var squares = 0.0;
  ${eachColumn("let d = X[at] - mean; squares += d * d;")}
  let scale = 1.0 / sqrt(rowSum(squares) / n + uniforms.eps);
  if (isFirst) { S[row] = scale; }
  ${eachColumn("Y[at] = (X[at] - mean) * scale;")}`,
};

const LAYER_NORM_GRAD: RowProgram = {
  name: "layer_norm_grad",
  outputs: { DX: "f32" },
  inputs: { Y: "f32", DY: "f32", S: "f32" },
  code: `let n = f32(uniforms.columns);
  var sum = 0.0;
  var dot = 0.0;
  ${eachColumn("sum += DY[at]; dot += DY[at] * Y[at];")}
  let mean = rowSum(sum) / n;
  let slope = rowSum(dot) / n;
  ${eachColumn("DX[at] = (DY[at] - mean - Y[at] * slope) * S[row];")}`,
};

const layerNorm: KernelFunc = ({ inputs, attrs }) => {
  const x = inputs["x"] as tf.TensorInfo;
  const { eps } = attrs as unknown as { eps: number };
  const y = output(x.shape), scale = output([rowsOf(x.shape).rows]);
  if (!x.shape.includes(0)) {
    runRows(LAYER_NORM, x.shape, [y, scale], [x], [eps]);
  }
  return [y, scale];
};

const layerNormGrad: KernelFunc = ({ inputs }) => {
  const { y, dy, scale } = inputs as Record<string, tf.TensorInfo>;
  const dx = output(y!.shape);
  if (!y!.shape.includes(0)) {
    runRows(LAYER_NORM_GRAD, y!.shape, [dx], [y!, dy!, scale!]);
  }
  return dx;
};

/** Register `LayerNorm` and `LayerNormGrad`. */
export function registerLayerNorm(): void {
  addKernel("webgpu", "LayerNorm", layerNorm);
  addKernel("webgpu", "LayerNormGrad", layerNormGrad);
}
