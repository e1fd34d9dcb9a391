/**
 * Each column with mean 0 and variance 1, and the gradient of that; run by
 * `backend/ops/batch_normalize.ts`.
 *
 * ```text
 * y = (x - mean) scale       scale = 1 / √(variance + ε)
 * dx = scale (dy - mean dy - y mean(dy y)) + dmean / n + 2 dvariance (x - mean) / n
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import { type Program, runProgram } from "../program.ts";
import { webGpuBackend } from "../backend.ts";
import { type ColumnSum, eachRow, sumColumns } from "./columns.ts";

/** The number of rows, their sum, and the sum of squared distances from their mean. */
const MOMENTS: ColumnSum = {
  name: "column_moments",
  inputs: { X: "f32" },
  collect: `${eachRow("part.x += 1.0; part.y += X[at];")}
  let mean = part.y / max(part.x, 1.0);
  ${eachRow("let d = X[at] - mean; part.z += d * d;")}`,
  merge: `fn merge(a : vec4<f32>, b : vec4<f32>) -> vec4<f32> {
  if (a.x == 0.0) { return b; }
  if (b.x == 0.0) { return a; }
  let n = a.x + b.x;
  let d = b.y / b.x - a.y / a.x;
  return vec4<f32>(n, a.y + b.y, a.z + b.z + d * d * (a.x / n) * b.x, 0.0);
}`,
  results: ["MEAN", "VARIANCE", "SCALE"],
  uniforms: { eps: "f32" },
  finish: `let n = f32(uniforms.rows);
    MEAN[column] = part.y / n;
    VARIANCE[column] = part.z / n;
    SCALE[column] = 1.0 / sqrt(part.z / n + uniforms.eps);`,
};

/** The numbers `a` and `b` of each column with `dx = scale dy + a + b y`. */
const SLOPES: ColumnSum = {
  name: "column_slopes",
  inputs: { Y: "f32", DY: "f32" },
  collect: eachRow("part.x += DY[at]; part.y += DY[at] * Y[at];"),
  merge:
    "fn merge(a : vec4<f32>, b : vec4<f32>) -> vec4<f32> { return a + b; }",
  results: ["A", "B"],
  columns: ["SCALE", "DMEAN", "DVARIANCE"],
  finish: `let n = f32(uniforms.rows);
    let scale = SCALE[column];
    A[column] = (DMEAN[column] - scale * part.x) / n;
    B[column] = (2.0 * DVARIANCE[column] / scale - scale * part.y) / n;`,
};

const NORMALIZE: Program = {
  name: "batch_standardize",
  inputs: ["X", "M", "S"],
  uniforms: [["columns", "i32"]],
  code: `let column = index % uniforms.columns;
    result[index] = (X[index] - M[column]) * S[column];`,
};

const NORMALIZE_GRAD: Program = {
  name: "batch_standardize_grad",
  inputs: ["DY", "Y", "S", "A", "B"],
  uniforms: [["columns", "i32"]],
  code: `let column = index % uniforms.columns;
    result[index] = S[column] * DY[index] + (A[column] + B[column] * Y[index]);`,
};

const batchStandardize: KernelFunc = ({ inputs, attrs }) => {
  const x = inputs["x"] as tf.TensorInfo;
  const { eps } = attrs as unknown as { eps: number };
  const [mean, variance, scale] = sumColumns(MOMENTS, x.shape, [x], [], [eps]);
  const given = [x, mean!, scale!], columns = [x.shape.at(-1)!];
  const y = runProgram(NORMALIZE, given, x.shape, "float32", columns);
  return [y, mean!, variance!, scale!];
};

const batchStandardizeGrad: KernelFunc = ({ inputs }) => {
  const { y, scale, dy, dMean, dVariance } = inputs as Record<
    string,
    tf.TensorInfo
  >;
  const { shape } = y!, columns = [shape.at(-1)!];
  const [a, b] = sumColumns(
    SLOPES,
    shape,
    [y!, dy!],
    [scale!, dMean!, dVariance!],
  );
  const given = [dy!, y!, scale!, a!, b!];
  const dx = runProgram(NORMALIZE_GRAD, given, shape, "float32", columns);
  for (const { dataId } of [a!, b!]) webGpuBackend().disposeData(dataId);
  return dx;
};

/**
 * Register `BatchStandardize`, which gives the result, mean, variance and scale, and
 * its gradient.
 */
export function registerBatchStandardize(): void {
  addKernel("webgpu", "BatchStandardize", batchStandardize);
  addKernel("webgpu", "BatchStandardizeGrad", batchStandardizeGrad);
}
