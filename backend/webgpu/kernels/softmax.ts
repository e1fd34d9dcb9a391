/**
 * Softmax and its logarithm over the last axis, and their gradients.
 *
 * ```text
 * y = e^(x - max x) / Σ e^(x - max x)      dx = (dy - Σ dy y) y
 * z = x - max x - log Σ e^(x - max x)      dx = dz - e^z Σ dz
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc, replaceKernel } from "../../kernel.ts";
import { eachColumn, type RowProgram, runRows } from "./rows.ts";
import { output } from "./run.ts";

/** `most`, the largest of a row, and `total`, the sum of `e^(x - most)`. */
const NORMALIZER = `var top = -uniforms.INFINITY;
  ${eachColumn("top = max(top, X[at]);")}
  let most = rowMost(top);
  var sum = 0.0;
  ${eachColumn("sum += exp_(X[at] - most);")}
  let total = rowSum(sum);`;

const SOFTMAX: RowProgram = {
  name: "softmax",
  outputs: { Y: "f32" },
  inputs: { X: "f32" },
  code: `${NORMALIZER}
  ${eachColumn("Y[at] = exp_(X[at] - most) / total;")}`,
};

const SOFTMAX_GRAD: RowProgram = {
  name: "softmax_grad",
  outputs: { DX: "f32" },
  inputs: { Y: "f32", DY: "f32" },
  code: `var sum = 0.0;
  ${eachColumn("sum += Y[at] * DY[at];")}
  let dot = rowSum(sum);
  ${eachColumn("DX[at] = (DY[at] - dot) * Y[at];")}`,
};

const LOG_SOFTMAX: RowProgram = {
  name: "log_softmax",
  outputs: { Y: "f32" },
  inputs: { X: "f32" },
  code: `${NORMALIZER}
  let scale = log_(total);
  ${eachColumn("Y[at] = (X[at] - most) - scale;")}`,
};

const LOG_SOFTMAX_GRAD: RowProgram = {
  name: "log_softmax_grad",
  outputs: { DX: "f32" },
  inputs: { Y: "f32", DY: "f32" },
  code: `var sum = 0.0;
  ${eachColumn("sum += DY[at];")}
  let total = rowSum(sum);
  ${eachColumn("DX[at] = DY[at] - exp_(Y[at]) * total;")}`,
};

/** A kernel whose output has the shape of its inputs. */
function rowKernel(
  program: RowProgram,
  names: readonly string[],
): KernelFunc {
  return ({ inputs }) => {
    const given = names.map((name) => inputs[name] as tf.TensorInfo);
    const { shape } = given[0]!, y = output(shape);
    if (!shape.includes(0)) runRows(program, shape, [y], given);
    return y;
  };
}

/** Replace `Softmax`, and register `LogSoftmax` and the gradients of both. */
export function registerSoftmax(): void {
  replaceKernel("webgpu", "Softmax", () => rowKernel(SOFTMAX, ["logits"]));
  addKernel("webgpu", "SoftmaxGrad", rowKernel(SOFTMAX_GRAD, ["y", "dy"]));
  addKernel("webgpu", "LogSoftmax", rowKernel(LOG_SOFTMAX, ["logits"]));
  addKernel(
    "webgpu",
    "LogSoftmaxGrad",
    rowKernel(LOG_SOFTMAX_GRAD, ["y", "dy"]),
  );
}
