/**
 * Convolutions in which each channel has filters of its own, and their gradients.
 *
 * ```text
 * y[b, o, c q]  = Σ_w x[b, o stride + w dilation - before, c] f[w, c, q]
 * ```
 *
 * An invocation computes one value; the gradient of the filter, which adds up few long
 * sums, is cut into parts.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../../kernel.ts";
import { output, runShader, type Shader } from "../kernels/run.ts";
import { type FusedEnd, fusedEnd, type OwnEnd, withEnd } from "./ends.ts";
import { epilogueCode, epilogueInputs, NOTHING } from "./epilogue.ts";
import {
  cells,
  type Geometry,
  type WindowAttrs,
  windowUniforms,
} from "./geometry.ts";
import { layoutOf, tidied } from "./layout.ts";
import { addParts, shaderOf } from "./run.ts";

type Args = Parameters<KernelFunc>[0];

const WORKGROUP = 64;
/** Invocations that keep a large card busy. */
const ENOUGH = 2 ** 16;
/** The least terms of a part. */
const LEAST_TERMS = 64;

const UNIFORMS = {
  n: "u32",
  size: "u32",
  terms: "i32",
  termsPerSplit: "i32",
  alpha: "f32",
  channels: "i32",
  filters: "i32",
  input0: "i32",
  output0: "i32",
  window0: "i32",
  stride0: "i32",
  dilation0: "i32",
  before0: "i32",
  input1: "i32",
  output1: "i32",
  window1: "i32",
  stride1: "i32",
  dilation1: "i32",
  before1: "i32",
} as const;

/** The cell of the input that the window sees; then `isInside` says whether there is one. */
const SEEN = `
  let x0 = o0 * uniforms.stride0 + w0 * uniforms.dilation0 - uniforms.before0;
  let x1 = o1 * uniforms.stride1 + w1 * uniforms.dilation1 - uniforms.before1;
  let isInside = x0 >= 0 && x0 < uniforms.input0 && x1 >= 0 && x1 < uniforms.input1;
  let atX = ((batch * uniforms.input0 + x0) * uniforms.input1 + x1) * uniforms.channels + channel;`;

const FORWARD = `
  let column = i % uniforms.filters;
  let channel = column / (uniforms.filters / uniforms.channels);
  let cell = i / uniforms.filters;
  let o1 = cell % uniforms.output1;
  let o0 = cell / uniforms.output1 % uniforms.output0;
  let batch = cell / uniforms.output1 / uniforms.output0;
  for (var w0 = 0; w0 < uniforms.window0; w0++) {
    for (var w1 = 0; w1 < uniforms.window1; w1++) {
      ${SEEN}
      if (isInside) {
        let atW = (w0 * uniforms.window1 + w1) * uniforms.filters + column;
        sum = fma(A[atX], B[atW], sum);
      }
    }
  }`;

const INPUT_GRADIENT = `
  let channel = i % uniforms.channels;
  let cell = i / uniforms.channels;
  let x1 = cell % uniforms.input1;
  let x0 = cell / uniforms.input1 % uniforms.input0;
  let batch = cell / uniforms.input1 / uniforms.input0;
  let each = uniforms.filters / uniforms.channels;
  for (var w0 = 0; w0 < uniforms.window0; w0++) {
    let from0 = x0 + uniforms.before0 - w0 * uniforms.dilation0;
    let o0 = from0 / uniforms.stride0;
    if (from0 < 0 || o0 >= uniforms.output0 || o0 * uniforms.stride0 != from0) { continue; }
    for (var w1 = 0; w1 < uniforms.window1; w1++) {
      let from1 = x1 + uniforms.before1 - w1 * uniforms.dilation1;
      let o1 = from1 / uniforms.stride1;
      if (from1 < 0 || o1 >= uniforms.output1 || o1 * uniforms.stride1 != from1) { continue; }
      let atY = ((batch * uniforms.output0 + o0) * uniforms.output1 + o1) * uniforms.filters;
      let atW = (w0 * uniforms.window1 + w1) * uniforms.filters;
      for (var q = channel * each; q < (channel + 1) * each; q++) {
        sum = fma(A[atY + q], B[atW + q], sum);
      }
    }
  }`;

const FILTER_GRADIENT = `
  let size = i32(uniforms.size);
  let split = i / size;
  let column = i % uniforms.filters;
  let channel = column / (uniforms.filters / uniforms.channels);
  let place = (i - split * size) / uniforms.filters;
  let w1 = place % uniforms.window1;
  let w0 = place / uniforms.window1;
  let begin = split * uniforms.termsPerSplit;
  let end = min(uniforms.terms, begin + uniforms.termsPerSplit);
  for (var cell = begin; cell < end; cell++) {
    let o1 = cell % uniforms.output1;
    let rest = cell / uniforms.output1;
    let o0 = rest % uniforms.output0;
    let batch = rest / uniforms.output0;
    ${SEEN}
    if (isInside) { sum = fma(A[atX], B[cell * uniforms.filters + column], sum); }
  }`;

/** A shader that computes a value of the result, or of a part, in each invocation. */
function shader(
  name: string,
  code: string,
  epilogue = NOTHING,
): Shader {
  const { hasBias, activation } = epilogue;
  const key = `depthwise ${name} ${hasBias} ${activation}`;
  const isFinished = hasBias || activation !== "linear";
  return shaderOf(key, () => ({
    name: key,
    outputs: { C: "f32" },
    inputs: { A: "f32", B: "f32", ...epilogueInputs(epilogue, false) },
    uniforms: UNIFORMS,
    threads: WORKGROUP,
    declarations: epilogueCode(epilogue, false),
    code: `let i = i32(group * ${WORKGROUP}u + local);
  if (u32(i) >= arrayLength(&C)) { return; }
  var sum = 0.0;
  ${code}
  C[i] = ${
      isFinished ? "finish(vec4<f32>(sum), u32(i) % uniforms.n).x" : "sum"
    };`,
  }));
}

/** Run a shader for each value of `target`. */
function run(
  shader: Shader,
  target: tf.TensorInfo,
  inputs: readonly tf.TensorInfo[],
  geometry: Geometry,
  { terms = 0, termsPerSplit = 0, size = 0, alpha = 0 } = {},
): void {
  const windows = Object.values(windowUniforms(geometry)).map(([, x]) => x);
  runShader(
    shader,
    [target],
    inputs,
    [geometry.filters, size, terms, termsPerSplit, alpha, ...windows],
    Math.ceil(tf.util.sizeFromShape(target.shape) / WORKGROUP),
  );
}

/** `DepthwiseConv2dNative`. */
export const depthwise: KernelFunc = (args) => forward(args, {});

/** `FusedDepthwiseConv2D`. */
export const fusedDepthwise: KernelFunc = (args) =>
  forward(args, fusedEnd(args));

function forward({ inputs, attrs }: Args, end: FusedEnd): tf.TensorInfo {
  const layout = layoutOf(attrs as unknown as WindowAttrs);
  const { filter } = inputs as Record<string, tf.Tensor>;
  return tidied(layout.attrs, () => {
    const x = layout.in(inputs["x"] as tf.Tensor);
    const geometry = layout
      .geometryOf(x.shape, filter!.shape, layout.attrs, true);
    const { batch, filters, axes } = geometry;
    const shape = [batch, ...axes.map(({ output }) => output), filters];
    const isNothing = x.size * filter!.size === 0;
    const compute = ({ epilogue, ends, alpha }: OwnEnd) => {
      if (isNothing || shape.includes(0)) return tf.zeros(shape);
      const y = output(shape);
      const program = shader("forward", FORWARD, epilogue);
      run(program, y, [x, filter!, ...ends], geometry, { alpha });
      return y;
    };
    return layout.out(
      withEnd(filters, layout.end(end, filters), compute, !isNothing),
    );
  });
}

/** `DepthwiseConv2dNativeBackpropInput`. */
export const depthwiseInputGradient: KernelFunc = ({ inputs, attrs }) => {
  const { inputShape } = attrs as unknown as { inputShape: number[] };
  const layout = layoutOf(attrs as unknown as WindowAttrs);
  const { filter } = inputs as Record<string, tf.Tensor>;
  return tidied(layout.attrs, () => {
    const dy = layout.in(inputs["dy"] as tf.Tensor);
    const shape = layout.shape(inputShape);
    const geometry = layout
      .geometryOf(shape, filter!.shape, layout.attrs, true);
    if (dy.size * filter!.size === 0 || shape.includes(0)) {
      return layout.out(tf.zeros(shape));
    }
    const dx = output(shape);
    run(shader("input", INPUT_GRADIENT), dx, [dy, filter!], geometry);
    return layout.out(dx);
  });
};

/** `DepthwiseConv2dNativeBackpropFilter`. */
export const depthwiseFilterGradient: KernelFunc = ({ inputs, attrs }) => {
  const { filterShape } = attrs as unknown as { filterShape: number[] };
  const layout = layoutOf(attrs as unknown as WindowAttrs);
  return tidied(layout.attrs, () => {
    const x = layout.in(inputs["x"] as tf.Tensor);
    const dy = layout.in(inputs["dy"] as tf.Tensor);
    if (x.size * dy.size === 0) return tf.zeros(filterShape);
    const geometry = layout
      .geometryOf(x.shape, filterShape, layout.attrs, true);
    const terms = geometry.batch * cells(geometry, "output");
    const size = tf.util.sizeFromShape(filterShape);
    const { splits, termsPerSplit } = cutTerms(size, terms);
    const dw = output(filterShape);
    const parts = splits > 1 ? output([splits, size]) : dw;
    run(shader("filter", FILTER_GRADIENT), parts, [x, dy], geometry, {
      size,
      terms,
      termsPerSplit,
    });
    if (splits > 1) {
      const columns = geometry.filters;
      addParts(parts, dw, {
        columns,
        splits,
        epilogue: NOTHING,
        ends: [],
        alpha: 0,
      });
    }
    return dw;
  });
};

/** How often the sums of a filter's gradient are cut: by their number and length only. */
export function cutTerms(
  size: number,
  terms: number,
): { splits: number; termsPerSplit: number } {
  const wanted = Math.min(
    Math.ceil(ENOUGH / size),
    Math.ceil(terms / LEAST_TERMS),
  );
  const termsPerSplit = Math.ceil(terms / wanted);
  return { splits: Math.ceil(terms / termsPerSplit), termsPerSplit };
}
