/**
 * Changes to the code of tfjs' shaders, made where they are compiled.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "./backend.ts";

/** A number that a shader of tfjs reads. */
export interface Uniform {
  readonly type: string;
  readonly data: number[];
}

/** A change to shaders. */
export interface ShaderEdit {
  /** What tells edited shaders from the others. */
  readonly name: string;
  /** Whether a shader is changed. Default: always. */
  applies?(inputs: readonly tf.TensorInfo[], dtype: tf.DataType): boolean;
  /** The changed code. */
  code(code: string): string;
  /** The numbers that the changed code reads. Default: the same. */
  uniforms?(uniforms: Uniform[]): Uniform[];
}

/** The changes to the shaders that run now. */
let edits: readonly ShaderEdit[] = [];

/** Run `fn`, with a change to the shaders that it runs. */
export function withEdit<T>(edit: ShaderEdit, fn: () => T): T {
  const before = edits;
  edits = [...edits.filter((other) => other !== edit), edit];
  try {
    return fn();
  } finally {
    edits = before;
  }
}

/** The changes to a shader that would run now on `inputs`, with a result of `dtype`. */
function editsOf(
  inputs: readonly tf.TensorInfo[],
  dtype: tf.DataType,
): readonly ShaderEdit[] {
  return edits.filter((edit) => edit.applies?.(inputs, dtype) ?? true);
}

/** Whether such a shader would be changed. */
export function isEdited(
  inputs: readonly tf.TensorInfo[],
  dtype: tf.DataType,
): boolean {
  return editsOf(inputs, dtype).length > 0;
}

const prepared = new WeakSet<object>();

/** Let the current backend's shaders be changed. */
export function allowEdits(): void {
  const backend = webGpuBackend();
  if (prepared.has(backend)) return;
  prepared.add(backend);
  const run = backend.runWebGPUProgram.bind(backend);
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    const now = editsOf(inputs, output?.dtype ?? dtype);
    if (now.length === 0) return run(program, inputs, dtype, uniforms, output);
    const keyed = program as { shaderKey: string };
    keyed.shaderKey = [keyed.shaderKey, ...now.map(({ name }) => name)].join(
      "_",
    );
    const { device } = backend;
    const create = device.createShaderModule.bind(device);
    device.createShaderModule = (descriptor) =>
      create({
        ...descriptor,
        code: now.reduce(
          (code, edit) => edit.code(code),
          descriptor.code as string,
        ),
      });
    try {
      const numbers = now.reduce<Uniform[] | undefined>(
        (all, edit) => all && (edit.uniforms?.(all) ?? all),
        uniforms as Uniform[] | undefined,
      );
      return run(program, inputs, dtype, numbers, output);
    } finally {
      device.createShaderModule = create;
    }
  };
}
