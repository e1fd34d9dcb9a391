/**
 * Shaders of ours, run by tfjs' WebGPU backend: one invocation for each element of
 * the output.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "./backend.ts";

/** A shader. */
export interface Program {
  /** Its name: shaders of one name have the same code. */
  readonly name: string;
  /** Names of the inputs: `A` is an array in the code. */
  readonly inputs: readonly string[];
  /** Functions that the code calls, in texts that may be shared with other shaders. */
  readonly functions?: readonly string[];
  /** What happens for the element `index`, which is below `uniforms.size`. */
  readonly code: string;
  /**
   * What an element of the output is, if it depends only on one element of each
   * input: of `A`, which is broadcast, it is called `a`.
   */
  readonly value?: string;
  /** Numbers that the code reads, as `uniforms.NAME`. */
  readonly uniforms?: readonly (readonly [
    name: string,
    type: "f32" | "i32",
  ])[];
}

/**
 * The shader that computes `value` of an element of each input: `a`, or `a` and `b`,
 * which broadcast.
 */
export function elementProgram(
  name: string,
  inputs: readonly ("A" | "B")[],
  value: string,
  functions: readonly string[] = [],
): Program {
  const elements = inputs.map((input) =>
    `let ${input.toLowerCase()} = get${input}ByOutputIndex(index);`
  );
  const code = `${elements.join("\n    ")}
    result[index] = ${value};`;
  return { name, inputs, functions, code, value };
}

const WORKGROUP = 64;
/** The most workgroups along an axis of a dispatch. */
const MOST_GROUPS = 65535;

/** Run a shader for each element of a new tensor. */
export function runProgram(
  program: Program,
  inputs: readonly tf.TensorInfo[],
  shape: readonly number[],
  dtype: tf.DataType,
  values: readonly number[] = [],
): tf.TensorInfo {
  const { name, functions = [], code, uniforms = [] } = program;
  const size = shape.reduce((n, m) => n * m, 1);
  const groups = Math.ceil(size / WORKGROUP);
  const rows = Math.ceil(groups / MOST_GROUPS);
  return webGpuBackend().runWebGPUProgram(
    {
      constructor: { name }, // tfjs names pipelines by it
      variableNames: [...program.inputs],
      uniforms: uniforms.map(([name, type]) => `${name} : ${type},`).join(" "),
      size: true,
      workgroupSize: [WORKGROUP, 1, 1],
      outputShape: [...shape],
      dispatchLayout: { x: shape.map((_, i) => i) },
      dispatch: rows > 1 ? [MOST_GROUPS, rows, 1] : [Math.max(1, groups), 1, 1],
      shaderKey: `braintape_${name}`,
      made: program, // for `elements.ts`
      getUserCode: () =>
        `${functions.join("\n")}
fn main(index : i32) {
  if (index < uniforms.size) {
    ${code}
  }
}`,
    },
    [...inputs],
    dtype,
    uniforms.map(([, type], i) => ({
      type: type === "f32" ? "float32" : "int32",
      data: [values[i]!],
    })),
  );
}
