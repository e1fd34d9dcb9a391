/**
 * A convolution and its gradients: directly where `direct.ts` can, else as matrix
 * products over patches, with all strides, paddings and dilations.
 *
 * ```text
 * P  rows: output positions, columns: filter height x width x channels
 * y  = P w        dw = P' dy        dx = unpatch(dy w')
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { inMemory } from "../machine/functions.ts";
import {
  expectSize,
  free,
  output,
  pointer,
  size,
  zeros,
} from "../machine/registry.ts";
import {
  ACCUMULATE,
  type Product,
  RELU,
  TRANSPOSE_A,
  TRANSPOSE_B,
} from "./gemm.ts";
import {
  directConvolve,
  directFilterGradient,
  directInputGradient,
  isDirect,
  isFilterDirect,
  isInputDirect,
} from "./direct.ts";
import { multiply } from "./matmul.ts";
import { patches, unpatch } from "./patches.ts";
import {
  elementsOf,
  type Geometry,
  geometryWords,
  type Windows,
  windowsIn,
} from "./windows.ts";

/** Floats of patches made at a time: about what the second cache holds. */
const BLOCK = 1 << 18;

/** Windows, and how many filters look through them. */
export interface Convolution extends Windows {
  readonly filters: number;
}

/** Columns of the matrix of patches. */
function columnsOf({ depth, height, width, channels }: Geometry): number {
  return depth * height * width * channels;
}

/** Whether the input itself is the matrix of patches. */
function isPointwise(g: Geometry): boolean {
  return windowsIn(g) === g.inDepth * g.inHeight * g.inWidth &&
    g.depth * g.height * g.width === 1 && g.front + g.top + g.left === 0;
}

/** Call `fn` with blocks of the rows of the matrix of patches, and memory for one. */
function eachBlock(
  { images, geometry }: Convolution,
  fn: (first: number, end: number, block: number) => void,
) {
  const columns = columnsOf(geometry), perImage = windowsIn(geometry);
  const rows = images * perImage;
  const fit = Math.max(1, Math.floor(BLOCK / columns));
  // Whole images, where they fit, so that threads can share them out.
  const step = fit >= perImage
    ? Math.floor(fit / perImage) * perImage
    : Math.max(fit, 64);
  const length = Math.min(step, rows);
  const memory = output([length * columns]);
  for (let first = 0; first < rows; first += length) {
    fn(first, Math.min(rows, first + length), pointer(memory));
  }
  free(memory);
}

/** Call `fn` with rows of the matrix of patches of `x`: all at once, or laid out in blocks. */
function eachRows(
  x: tf.TensorInfo,
  convolution: Convolution,
  fn: (first: number, end: number, matrix: number) => void,
) {
  const { images, geometry } = convolution;
  if (isPointwise(geometry)) {
    return fn(0, images * windowsIn(geometry), pointer(x));
  }
  const bytes = 4 * columnsOf(geometry);
  eachBlock(convolution, (first, end, block) => {
    const sizes = inMemory(geometryWords(geometry)), n = end - first;
    patches.ranges(n, n * bytes / 16, (from, to) => ({
      matrix: block + from * bytes,
      x: pointer(x),
      first: first + from,
      end: first + to,
      geometry: sizes,
    }));
    fn(first, end, block);
  });
}

/** One product. */
function product(p: Omit<Product, "batch" | "aStep" | "bStep" | "cStep">) {
  multiply({ ...p, batch: 1, aStep: 0, bStep: 0, cStep: 0 });
}

/** Throw unless the tensors are as large as the windows say. */
function expectSizes(
  convolution: Convolution,
  x: readonly number[],
  filter: readonly number[],
  y: readonly number[],
) {
  const { images, filters, geometry } = convolution;
  const outputs = images * windowsIn(geometry) * filters;
  expectSize("a convolution", "the input", x, elementsOf(convolution));
  expectSize(
    "a convolution",
    "the filter",
    filter,
    columnsOf(geometry) * filters,
  );
  expectSize("a convolution", "the output", y, outputs);
}

/** `[images, ...out, filters]`, plus `bias` and at least 0 with `relu`. */
export function convolve(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  convolution: Convolution,
  outShape: readonly number[],
  bias?: tf.TensorInfo,
  relu = false,
): tf.TensorInfo {
  const N = convolution.filters, K = columnsOf(convolution.geometry);
  expectSizes(convolution, x.shape, filter.shape, outShape);
  const out = output(outShape);
  if (size(outShape) === 0) return out;
  const { geometry } = convolution;
  if (!isPointwise(geometry) && isDirect(geometry)) {
    directConvolve(x, filter, convolution, N, bias, relu, out);
    return out;
  }
  eachRows(x, convolution, (first, end, matrix) =>
    product({
      a: matrix,
      aRow: 4 * K,
      b: pointer(filter),
      bRow: 4 * N,
      c: pointer(out) + 4 * first * N,
      cRow: 4 * N,
      M: end - first,
      N,
      K,
      flags: relu ? RELU : 0,
      bias: bias ? pointer(bias) : 0,
    }));
  return out;
}

/** The gradient in the filter. */
export function filterGradient(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  convolution: Convolution,
  shape: readonly number[],
): tf.TensorInfo {
  const { geometry, filters: N, images } = convolution;
  const M = columnsOf(geometry);
  expectSizes(convolution, x.shape, shape, dy.shape);
  if (images * windowsIn(geometry) * M * N === 0) return zeros(shape);
  const out = output(shape);
  if (!isPointwise(geometry) && isFilterDirect(geometry, N)) {
    directFilterGradient(x, dy, convolution, N, out);
    return out;
  }
  eachRows(x, convolution, (first, end, matrix) =>
    product({
      a: matrix,
      aRow: 4 * M,
      b: pointer(dy) + 4 * first * N,
      bRow: 4 * N,
      c: pointer(out),
      cRow: 4 * N,
      M,
      N,
      K: end - first,
      flags: TRANSPOSE_A | (first ? ACCUMULATE : 0),
      bias: 0,
    }));
  return out;
}

/** The gradient in the input, which is also the transposed convolution of `dy`. */
export function inputGradient(
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  convolution: Convolution,
  shape: readonly number[],
): tf.TensorInfo {
  const { geometry, filters: K, images } = convolution;
  const N = columnsOf(geometry), perImage = windowsIn(geometry);
  expectSizes(convolution, shape, filter.shape, dy.shape);
  if (images * perImage * N * K === 0) return zeros(shape);
  if (!isPointwise(geometry) && isInputDirect(geometry, K)) {
    const out = output(shape);
    directInputGradient(dy, filter, convolution, K, out);
    return out;
  }
  const rows = (first: number, end: number, c: number) =>
    product({
      a: pointer(dy) + 4 * first * K,
      aRow: 4 * K,
      b: pointer(filter),
      bRow: 4 * K,
      c,
      cRow: 4 * N,
      M: end - first,
      N,
      K,
      flags: TRANSPOSE_B,
      bias: 0,
    });
  if (isPointwise(geometry)) {
    const out = output(shape);
    rows(0, images * perImage, pointer(out));
    return out;
  }
  const out = zeros(shape);
  eachBlock(convolution, (first, end, block) => {
    rows(first, end, block);
    // Threads may not add to one image: they take whole ones.
    const sizes = inMemory(geometryWords(geometry)), n = end - first;
    const work = n % perImage ? 0 : n * N / 2;
    unpatch.ranges(n, work, (from, to) => ({
      matrix: block + 4 * from * N,
      x: pointer(out),
      first: first + from,
      end: first + to,
      geometry: sizes,
    }), perImage);
  });
  return out;
}
