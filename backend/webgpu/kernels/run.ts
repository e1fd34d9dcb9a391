/**
 * Shaders of ours with several outputs, or with workgroups that work together.
 *
 * Commands join the open pass, so they run in the order of calls.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type UniformField, webGpuBackend } from "../backend.ts";
import { layOut } from "../machine/fields.ts";
import type { Words } from "../machine/uniforms.ts";

/** The type of the elements of a buffer. */
export type ElementType =
  | "f32"
  | "i32"
  | "u32"
  | "vec4<f32>"
  | "vec4<i32>"
  | "vec4<u32>";

/** A shader; its code begins where `main` does. */
export interface Shader {
  /** Its name: shaders of one name have the same code. */
  readonly name: string;
  /** The arrays that it writes, by name. */
  readonly outputs: Readonly<Record<string, ElementType>>;
  /** The arrays that it reads, by name. */
  readonly inputs: Readonly<Record<string, ElementType>>;
  /** Numbers that it reads, as `uniforms.NAME`. */
  readonly uniforms: Readonly<Record<string, "f32" | "u32" | "i32">>;
  /** Invocations of a workgroup. */
  readonly threads: number;
  /** Whether it computes with f16, which the device must have. */
  readonly usesHalf?: boolean;
  /** What is declared besides: functions, and memory of the workgroup. */
  readonly declarations?: string;
  /**
   * The function `put(at, v)` with which the code writes each element of its only output
   * once: {@linkcode putInto}, unless what follows is computed of them at once.
   */
  readonly put?: string;
  /**
   * What an invocation does: `local` is its number in the workgroup, `group` the
   * number of the workgroup.
   */
  readonly code: string;
}

/** The most workgroups along an axis of a dispatch. */
const MOST_GROUPS = 65535;

/** Whether a number is NaN; WGSL leaves open what comparisons of NaN give. */
const IS_NAN =
  `fn isnan(x : f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }`;

function codeOf(shader: Shader): string {
  const { outputs, inputs, uniforms, threads, declarations = "" } = shader;
  const { usesHalf = false, put = "" } = shader;
  let binding = 0;
  const bound = (access: string) => ([name, type]: [string, string]) =>
    `@group(0) @binding(${binding++}) var<storage, ${access}> ${name} : array<${type}>;`;
  const fields = Object.entries(uniforms)
    .map(([name, type]) => `${name} : ${type},`);
  return [
    ...usesHalf ? ["enable f16;"] : [],
    ...Object.entries(outputs).map(bound("read_write")),
    ...Object.entries(inputs).map(bound("read")),
    `struct Uniforms { NAN : f32, INFINITY : f32, ${fields.join(" ")} }`,
    `@group(0) @binding(${binding}) var<uniform> uniforms : Uniforms;`,
    IS_NAN,
    `var<private> local : u32;`,
    declarations,
    put,
    `@compute @workgroup_size(${threads})
fn main(
  @builtin(local_invocation_index) localIndex : u32,
  @builtin(workgroup_id) groupId : vec3<u32>,
  @builtin(num_workgroups) groups : vec3<u32>,
) {
  local = localIndex;
  let group = groupId.y * groups.x + groupId.x;
  ${shader.code}
}`,
  ].join("\n");
}

/** Writes one element at `at`, or four from there on, to an array. */
export function putInto(name: string, type: ElementType): string {
  const place = isVectorType(type) ? "at >> 2u" : "at";
  return `fn put(at : u32, v : ${type}) { ${name}[${place}] = v; }`;
}

/** Whether an array has vectors of four. */
export function isVectorType(type: ElementType): boolean {
  return type.startsWith("vec4");
}

const shaders = new WeakMap<GPUComputePipeline, Shader>();

/** The shader of a pipeline, if it is one of these. */
export function shaderOfPipeline(
  pipeline: GPUComputePipeline,
): Shader | undefined {
  return shaders.get(pipeline);
}

/** The pipeline of a shader, made anew. The layout is explicit: an automatic one drops what the code ignores. */
export function compileShader(
  device: GPUDevice,
  shader: Shader,
): GPUComputePipeline {
  const types: GPUBufferBindingType[] = [
    ...Object.keys(shader.outputs).map(() => "storage" as const),
    ...Object.keys(shader.inputs).map(() => "read-only-storage" as const),
    "uniform",
  ];
  const layout = device.createBindGroupLayout({
    entries: types.map((type, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    })),
  });
  const pipeline = device.createComputePipeline({
    label: shader.name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: codeOf(shader) }) },
  });
  shaders.set(pipeline, shader);
  return pipeline;
}

/** The uniforms of a shader as it reads them, given in their order. */
export function uniformsOf(
  { uniforms }: Shader,
  values: readonly number[],
): Words {
  const types = Object.values(uniforms);
  return layOut([NaN, Infinity, ...values].map((x, i): UniformField => {
    const type = types[i - 2] ?? "f32";
    return {
      type: type === "f32" ? "float32" : type === "i32" ? "int32" : "uint32",
      data: [x],
    };
  }));
}

/** Enough workgroups for so many, within what a device takes along an axis. */
export function groupsOf(count: number): [number, number, number] {
  const x = Math.min(count, MOST_GROUPS);
  return [x, Math.ceil(count / x), 1];
}

/**
 * Run a shader.
 *
 * @param shader What to run.
 * @param outputs What it writes, each of at least one element.
 * @param inputs What it reads, each of at least one element.
 * @param values The uniforms, in their order.
 * @param count How many workgroups; those past it, if it is large, do nothing of use.
 */
export function runShader(
  shader: Shader,
  outputs: readonly tf.TensorInfo[],
  inputs: readonly tf.TensorInfo[],
  values: readonly number[],
  count: number,
): void {
  const backend = webGpuBackend(), { device, pipelineCache } = backend;
  const key = `braintape ${shader.name}`;
  const pipeline = pipelineCache[key] ??= compileShader(device, shader);
  const tensors = [...outputs, ...inputs];
  for (const { dataId } of tensors) backend.uploadToGPU(dataId);
  const resources = tensors.map(({ dataId, shape }) => ({
    buffer: backend.tensorMap.get(dataId).resource!,
    size: 4 * tf.util.sizeFromShape(shape),
  }));
  backend.dispatch(
    pipeline,
    [...resources, backend.constant(uniformsOf(shader, values))],
    groupsOf(count),
  );
}

/** A tensor to be written. */
export function output(
  shape: readonly number[],
  dtype: tf.DataType = "float32",
): tf.TensorInfo {
  const isEmpty = shape.includes(0);
  const none = dtype === "float32" ? new Float32Array(0) : new Int32Array(0);
  return webGpuBackend().makeTensorInfo(
    [...shape],
    dtype,
    isEmpty ? none : undefined,
  );
}
