/**
 * The gates of recurrent cells, from the formulas of `backend/ops/`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import type { Elements, GateKernel } from "../../ops/gates.ts";
import { GRU_KERNELS } from "../../ops/gru_gates.ts";
import { LSTM_KERNELS } from "../../ops/lstm_gates.ts";
import { MATH } from "../math.ts";
import { output, runShader, type Shader } from "./run.ts";

const THREADS = 64;

/** Formulas in WGSL, of names of variables; `lines` gets what defines them. */
function ofNames(lines: string[]): Elements<string> {
  const name = (value: string) => {
    const variable = `v${lines.length}`;
    lines.push(`let ${variable} = ${value};`);
    return variable;
  };
  return {
    of: (x) => x.toFixed(1),
    add: (x, y) => name(`${x} + ${y}`),
    sub: (x, y) => name(`${x} - ${y}`),
    mul: (x, y) => name(`${x} * ${y}`),
    sigmoid: (x) => name(`1.0 / (1.0 + exp_(-${x}))`),
    tanh: (x) => name(`tanh_(${x})`),
  };
}

/** What tensors are called in a shader: WGSL reserves words. */
function nameOf(tensor: string): string {
  return `T${tensor}`;
}

/** The element of block `k` of `count` in the row and column of an invocation. */
function element(tensor: string, count: number, k: number): string {
  return `${
    nameOf(tensor)
  }[(row * ${count}u + ${k}u) * uniforms.hidden + column]`;
}

function shaderOf(
  { name, inputs, outputs, formula }: GateKernel,
): Shader {
  const lines: string[] = [], m = ofNames(lines);
  const values: Record<string, string[]> = {};
  const places = (tensor: string, count: number) =>
    Array.from({ length: count }, (_, k) => element(tensor, count, k));
  for (const [tensor, count] of Object.entries(inputs)) {
    values[tensor] = places(tensor, count).map((place, k) => {
      lines.push(`let ${tensor}${k} = ${place};`);
      return `${tensor}${k}`;
    });
  }
  const { x, y } = values;
  y?.forEach((term, k) => x![k] = m.add(x![k]!, term));
  const results = formula(m, values);
  for (const [tensor, count] of Object.entries(outputs)) {
    places(tensor, count).forEach((place, k) =>
      lines.push(`${place} = ${results[tensor]![k]};`)
    );
  }
  const bindings = (counts: Readonly<Record<string, number>>) =>
    Object.fromEntries(
      Object.keys(counts).map((tensor) => [nameOf(tensor), "f32" as const]),
    );
  return {
    name,
    outputs: bindings(outputs),
    inputs: bindings(inputs),
    uniforms: { size: "u32", hidden: "u32" },
    threads: THREADS,
    declarations: MATH,
    code: [
      `let index = group * ${THREADS}u + local;`,
      `if (index >= uniforms.size) { return; }`,
      `let row = index / uniforms.hidden;`,
      `let column = index - row * uniforms.hidden;`,
      ...lines,
    ].join("\n  "),
  };
}

function kernelOf(kernel: GateKernel): KernelFunc {
  const { inputs: counts, outputs } = kernel, shader = shaderOf(kernel);
  const names = Object.keys(counts);
  const single = names.find((name) => counts[name] === 1)!;
  return ({ inputs }) => {
    const tensors = inputs as Record<string, tf.TensorInfo>;
    const [rows, hidden] = tensors[single]!.shape as [number, number];
    const results = Object.values(outputs).map((count) =>
      output([rows, count * hidden])
    );
    const size = rows * hidden;
    if (size > 0) {
      runShader(
        shader,
        results,
        names.map((name) => tensors[name]!),
        [size, hidden],
        Math.ceil(size / THREADS),
      );
    }
    return results;
  };
}

/** Register the kernels of all cells. */
export function registerGates(): void {
  for (const kernel of [...LSTM_KERNELS, ...GRU_KERNELS]) {
    addKernel("webgpu", kernel.name, kernelOf(kernel));
  }
}
