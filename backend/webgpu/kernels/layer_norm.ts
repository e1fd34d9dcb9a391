/**
 * The last axis with mean 0 and variance 1, and the gradient of that: kernels that
 * tfjs lacks, run by `backend/ops/standardize.ts`; and the same with a scale and a
 * shift of each column, run by `backend/ops/layer_normalize.ts`.
 *
 * ```text
 * z = (x - mean x) scale       scale = 1 / √(var x + ε)       y = z weight + bias
 * dz = dy weight               dx = (dz - mean dz - z mean(z dz)) scale
 * dweight = Σ dy z             dbias = Σ dy, over all rows
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import { type ColumnSum, eachRow, sumColumns } from "./columns.ts";
import { eachColumn, type RowProgram, rowsOf, runRows } from "./rows.ts";
import { output } from "./run.ts";

/** `mean` and `scale` of a row. */
const STATISTICS = `let n = f32(uniforms.columns);
  var sum = 0.0;
  ${eachColumn("sum += X[at];")}
  let mean = rowSum(sum) / n;
  var squares = 0.0;
  ${eachColumn("let d = X[at] - mean; squares += d * d;")}
  let scale = 1.0 / sqrt(rowSum(squares) / n + uniforms.eps);`;

const LAYER_NORM: RowProgram = {
  name: "layer_norm",
  outputs: { Y: "f32", S: "f32" },
  inputs: { X: "f32" },
  uniforms: { eps: "f32" },
  code: `${STATISTICS}
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

/** What is read of each column. */
type Parameters = { readonly weight: boolean; readonly bias: boolean };

/** With a scale, a shift or both. */
function affine({ weight, bias }: Parameters): RowProgram {
  const y = `(X[at] - mean) * scale${weight ? " * W[column]" : ""}${
    bias ? " + B[column]" : ""
  }`;
  return {
    name: `layer_norm_affine${weight ? " weight" : ""}${bias ? " bias" : ""}`,
    outputs: { Y: "f32", M: "f32", S: "f32" },
    inputs: {
      X: "f32",
      ...weight ? { W: "f32" } : {},
      ...bias ? { B: "f32" } : {},
    },
    uniforms: { eps: "f32" },
    code: `${STATISTICS}
  if (isFirst) { M[row] = mean; S[row] = scale; }
  ${eachColumn(`Y[at] = ${y};`)}`,
  };
}

function affineGrad(weight: boolean): RowProgram {
  const slopes = `let z = (X[at] - M[row]) * S[row];
    let dz = DY[at]${weight ? " * W[column]" : ""};`;
  return {
    name: `layer_norm_affine_grad${weight ? " weight" : ""}`,
    outputs: { DX: "f32" },
    inputs: {
      ...{ X: "f32", M: "f32", S: "f32", DY: "f32" },
      ...weight ? { W: "f32" } : {},
    },
    code: `let n = f32(uniforms.columns);
  var sum = 0.0;
  var dot = 0.0;
  ${eachColumn(`${slopes} sum += dz; dot += dz * z;`)}
  let mean = rowSum(sum) / n;
  let slope = rowSum(dot) / n;
  ${eachColumn(`${slopes} DX[at] = (dz - mean - z * slope) * S[row];`)}`,
  };
}

/** By whether there is a weight, and a bias. */
const AFFINE = [false, true].map((weight) =>
  [false, true].map((bias) => affine({ weight, bias }))
);
const AFFINE_GRAD = [affineGrad(false), affineGrad(true)];

/** The gradients of the scale and the shift. */
const PARAMETERS: ColumnSum = {
  name: "layer_norm_parameters",
  inputs: { X: "f32", M: "f32", S: "f32", DY: "f32" },
  collect: eachRow(
    "part.x += DY[at] * (X[at] - M[row]) * S[row]; part.y += DY[at];",
  ),
  merge:
    "fn merge(a : vec4<f32>, b : vec4<f32>) -> vec4<f32> { return a + b; }",
  results: ["DW", "DB"],
  finish: "DW[column] = part.x; DB[column] = part.y;",
};

const layerNormAffine: KernelFunc = ({ inputs, attrs }) => {
  const { x, weight, bias } = inputs as Record<string, tf.TensorInfo>;
  const { eps } = attrs as unknown as { eps: number };
  const { shape } = x!, { rows } = rowsOf(shape);
  const outputs = [output(shape), output([rows]), output([rows])];
  const program = AFFINE[Number(!!weight)]![Number(!!bias)]!;
  const parameters = [weight, bias].filter((p) => p !== undefined);
  runRows(program, shape, outputs, [x!, ...parameters], [eps]);
  return outputs;
};

const layerNormAffineGrad: KernelFunc = ({ inputs }) => {
  const { x, mean, scale, dy, weight } = inputs as Record<
    string,
    tf.TensorInfo
  >;
  const { shape } = x!, dx = output(shape);
  const given = [x!, mean!, scale!, dy!];
  const program = AFFINE_GRAD[Number(!!weight)]!;
  runRows(program, shape, [dx], weight ? [...given, weight] : given);
  return [dx, ...sumColumns(PARAMETERS, shape, given)];
};

/** Register `LayerNorm` and `LayerNormAffine`, which is for at least one element. */
export function registerLayerNorm(): void {
  addKernel("webgpu", "LayerNorm", layerNorm);
  addKernel("webgpu", "LayerNormGrad", layerNormGrad);
  addKernel("webgpu", "LayerNormAffine", layerNormAffine);
  addKernel("webgpu", "LayerNormAffineGrad", layerNormAffineGrad);
}
