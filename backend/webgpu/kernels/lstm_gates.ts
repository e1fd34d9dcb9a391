/**
 * The gates of a long short-term memory, and their gradient, run by
 * `backend/ops/lstm_gates.ts`, which has the formulas.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import { MATH } from "../math.ts";
import { output, runShader, type Shader } from "./run.ts";

const THREADS = 64;

/** The place of an element in a matrix of one column for each, and of each gate. */
const PLACES = `let index = group * ${THREADS}u + local;
  if (index >= uniforms.size) { return; }
  let row = index / uniforms.hidden;
  let at = index + row * 3u * uniforms.hidden;
  let atG = at + uniforms.hidden;
  let atF = atG + uniforms.hidden;
  let atO = atF + uniforms.hidden;`;

const FORWARD: Shader = {
  name: "lstm_gates",
  outputs: { H: "f32", N: "f32", G: "f32" },
  inputs: { X: "f32", Y: "f32", C: "f32" },
  uniforms: { size: "u32", hidden: "u32" },
  threads: THREADS,
  declarations: `${MATH}
fn sigmoid(x : f32) -> f32 { return 1.0 / (1.0 + exp_(-x)); }`,
  code: `${PLACES}
  let i = sigmoid(X[at] + Y[at]);
  let g = tanh_(X[atG] + Y[atG]);
  let forget = sigmoid(X[atF] + Y[atF] + 1.0);
  let o = sigmoid(X[atO] + Y[atO]);
  let memory = forget * C[index] + i * g;
  N[index] = memory;
  H[index] = o * tanh_(memory);
  G[at] = i;
  G[atG] = g;
  G[atF] = forget;
  G[atO] = o;`,
};

const BACKWARD: Shader = {
  name: "lstm_gates_grad",
  outputs: { DG: "f32", DC: "f32" },
  inputs: { G: "f32", C: "f32", N: "f32", DH: "f32", DN: "f32" },
  uniforms: { size: "u32", hidden: "u32" },
  threads: THREADS,
  declarations: MATH,
  code: `${PLACES}
  let i = G[at];
  let g = G[atG];
  let forget = G[atF];
  let o = G[atO];
  let t = tanh_(N[index]);
  let slope = DH[index];
  let memory = DN[index] + slope * o * (1.0 - t * t);
  DG[at] = memory * g * i * (1.0 - i);
  DG[atG] = memory * i * (1.0 - g * g);
  DG[atF] = memory * C[index] * forget * (1.0 - forget);
  DG[atO] = slope * t * o * (1.0 - o);
  DC[index] = memory * forget;`,
};

function run(
  shader: Shader,
  outputs: readonly tf.TensorInfo[],
  inputs: readonly tf.TensorInfo[],
  shape: readonly number[],
): void {
  const size = tf.util.sizeFromShape([...shape]);
  if (size === 0) return;
  const values = [size, shape[1]!];
  runShader(shader, outputs, inputs, values, Math.ceil(size / THREADS));
}

const lstmGates: KernelFunc = ({ inputs }) => {
  const { x, y, c } = inputs as Record<string, tf.TensorInfo>;
  const h = output(c!.shape), next = output(c!.shape);
  const gates = output(x!.shape);
  run(FORWARD, [h, next, gates], [x!, y!, c!], c!.shape);
  return [h, next, gates];
};

const lstmGatesGrad: KernelFunc = ({ inputs }) => {
  const { gates, c, next, dh, dNext } = inputs as Record<
    string,
    tf.TensorInfo
  >;
  const dGates = output(gates!.shape), dc = output(c!.shape);
  run(BACKWARD, [dGates, dc], [gates!, c!, next!, dh!, dNext!], c!.shape);
  return [dGates, dc];
};

/** Register `LstmGates`, which gives the output, the memory and the gates, and its gradient. */
export function registerLstmGates(): void {
  addKernel("webgpu", "LstmGates", lstmGates);
  addKernel("webgpu", "LstmGatesGrad", lstmGatesGrad);
}
