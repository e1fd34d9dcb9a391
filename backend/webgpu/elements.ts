/**
 * What shaders compute that take each element of their output from one element of
 * each input, so that several of them can be written as one shader.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type UniformField, webGpuBackend } from "./backend.ts";
import type { Program } from "./program.ts";
import { isEdited } from "./shader_edits.ts";

/** The types of the elements of a buffer. */
export type ElementType = "f32" | "i32";

/**
 * Which element of an input belongs to an element of the output: that at the same
 * place, the only one, or for the place `i` that at `(i / every) % count`.
 */
export type Access =
  | "each"
  | "one"
  | { readonly every: number; readonly count: number };

/** What a shader computes. */
export interface ElementCode {
  /** The function `element` in WGSL: it takes an element of each input. */
  readonly element: string;
  /** Whether it takes vectors of four, and computes each component by itself. */
  readonly isVector: boolean;
  /** Functions that it calls. */
  readonly functions: readonly string[];
  /** The types of the inputs, whose elements `element` takes as f32. */
  readonly inputs: readonly ElementType[];
  /** How each input is read. */
  readonly accesses: readonly Access[];
  /** The type of the output, to which the result of `element` is converted. */
  readonly output: ElementType;
  /** How many elements the output has. */
  readonly size: number;
  /** Numbers of f32 that `element` reads as `uniforms.NAME`, by name. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** A shader as tfjs' backend is given it. */
interface GivenProgram {
  readonly shaderKey: string;
  readonly outputShape: readonly number[];
  /** How many elements each invocation writes. Default: 1. */
  readonly outputComponent?: number;
  /** Declares the numbers that it reads. */
  readonly uniforms?: string;
  /** What it was made of, if it is ours. */
  readonly made?: Program;
  getUserCode(): string;
}

/**
 * What a shader computes of each element; undefined if it is not known to be such.
 *
 * @param program What tfjs' backend is given to run.
 * @param inputs Its inputs.
 * @param dtype The dtype of its output.
 * @param uniforms The numbers that it reads.
 */
export function elementCodeOf(
  program: object,
  inputs: readonly tf.TensorInfo[],
  dtype: tf.DataType,
  uniforms: readonly object[] = [],
): ElementCode | undefined {
  const given = program as GivenProgram, { outputShape } = given;
  const code = isEdited(inputs, dtype) ? undefined : codeOf(given, inputs);
  if (!code) return undefined;
  const accesses = inputs.flatMap(({ shape }) =>
    accessOf(shape, outputShape) ?? []
  );
  const names = [...(given.uniforms ?? "").matchAll(/(\w+)\s*:\s*f32/g)];
  if (accesses.length < inputs.length || names.length < uniforms.length) {
    return undefined;
  }
  const { tensorMap } = webGpuBackend();
  return {
    ...code,
    // A cast may have given a tensor another dtype than its data has.
    inputs: inputs.map(({ dataId }) => typeOf(tensorMap.get(dataId).dtype)),
    accesses,
    output: typeOf(dtype),
    size: outputShape.reduce((n, m) => n * m, 1),
    numbers: Object.fromEntries(
      uniforms.map((x, i) => [names[i]![1], (x as UniformField).data[0]!]),
    ),
  };
}

function typeOf(dtype: tf.DataType): ElementType {
  return dtype === "float32" ? "f32" : "i32";
}

/** The functions of shaders of tfjs that have none in their code, by the shader's key. */
const BY_KEY: Readonly<Record<string, string>> = {
  clip: `fn element(a : f32) -> f32 {
  if (isnan(a)) { return a; }
  return clamp(a, uniforms.minVal, uniforms.maxVal);
}`,
  fill: `fn element() -> f32 { return uniforms.value; }`,
  select: `fn element(condition : f32, a : f32, b : f32) -> f32 {
  if (condition >= 1.0) { return a; }
  return b;
}`,
};
const KEYS = new Map([...Object.entries(BY_KEY), ["clipVec4", BY_KEY["clip"]]]);

/** The function of a name in the code of a shader. */
function functionIn(code: string, name: string): string | undefined {
  const start = code.indexOf(`fn ${name}(`);
  if (start < 0) return undefined;
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    if (code[i] === "{") depth++;
    if (code[i] === "}" && --depth === 0) return code.slice(start, i + 1);
  }
  return undefined;
}

function codeOf(
  program: GivenProgram,
  inputs: readonly tf.TensorInfo[],
): Pick<ElementCode, "element" | "functions" | "isVector"> | undefined {
  const { shaderKey, outputShape, made } = program;
  if (made) {
    const { value, functions = [], inputs } = made;
    if (value === undefined) return undefined;
    const parameters = inputs.map((name) => `${name.toLowerCase()} : f32`);
    const element = `fn element(${parameters.join(", ")}) -> f32 {
  return ${value};
}`;
    return { element, functions, isVector: false };
  }
  const known = KEYS.get(shaderKey);
  if (known !== undefined) {
    // The condition of `select` may go by the first axes, unlike what broadcasts.
    const isWhole = shaderKey !== "select" ||
      inputs[0]!.shape.length === outputShape.length;
    return isWhole
      ? { element: known, functions: [], isVector: false }
      : undefined;
  }
  const [, kind] = /^(unary|binary)_\d/.exec(shaderKey) ?? [];
  if (!kind) return undefined;
  const name = `${kind}Operation`;
  const element = functionIn(program.getUserCode(), name)
    ?.replace(name, "element");
  const isVector = program.outputComponent === 4;
  return element === undefined
    ? undefined
    : { element, functions: [], isVector };
}

/** How an input of a shape is read; undefined if in another way than those. */
function accessOf(
  shape: readonly number[],
  output: readonly number[],
): Access | undefined {
  // Axes that the input has, and those along which it is repeated.
  const first = output.length - shape.length;
  if (first < 0) return undefined;
  const axes = output.flatMap((size, i) =>
    size > 1 ? [{ size, isRepeated: (shape[i - first] ?? 1) === 1 }] : []
  );
  const own = axes.filter(({ isRepeated }) => !isRepeated);
  if (own.length === axes.length) return "each";
  if (own.length === 0) return "one";
  const begin = axes.indexOf(own[0]!), end = axes.indexOf(own.at(-1)!) + 1;
  if (end - begin !== own.length) return undefined;
  const product = (axes: readonly { readonly size: number }[]) =>
    axes.reduce((n, { size }) => n * size, 1);
  return { every: product(axes.slice(end)), count: product(own) };
}
