/**
 * Convolutions of images and volumes, and their gradients, as matrix products
 * over patches: all strides, paddings and dilations, both data formats.
 *
 * tfjs lacks the gradient of a filter on WASM, computes the gradients of volumes
 * wrongly, and keeps packed filters that go stale.
 *
 * ```text
 * P  rows: output positions, columns: filter height x width x channels
 * y  = P w        dw = P' dy        dx = unpatch(dy w')
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  type Attrs2D,
  type Attrs3D,
  geometry2D,
  geometry3D,
  type Sizes2D,
  sizes2D,
  type Sizes3D,
  sizes3D,
} from "./geometry.ts";
import { ACCUMULATE, type Product, TRANSPOSE_A, TRANSPOSE_B } from "./gemm.ts";
import { finish, type FusedAttrs, type FusedInputs } from "./epilogue.ts";
import { multiply } from "./matmul.ts";
import { runRanges, share as shareWords } from "../machine/parallel.ts";
import { type Geometry, geometryWords } from "./patches.ts";
import {
  call,
  expectType,
  free,
  output,
  pointer,
  replace,
  size,
  zeros,
} from "../machine/registry.ts";

/** Floats of patches made at a time: about what the second cache holds. */
const BLOCK = 1 << 18;

/** What a convolution is: its windows, and how many images and filters there are. */
export interface Convolution {
  readonly images: number;
  readonly filters: number;
  readonly geometry: Geometry;
}

/** Rows of the matrix of patches that one image has. */
function positions({ outDepth, outHeight, outWidth }: Geometry): number {
  return outDepth * outHeight * outWidth;
}

/** Columns of the matrix of patches. */
function columns({ depth, height, width, channels }: Geometry): number {
  return depth * height * width * channels;
}

/** Whether the input itself is the matrix of patches. */
function isPointwise(g: Geometry): boolean {
  return positions(g) === g.inDepth * g.inHeight * g.inWidth &&
    g.depth * g.height * g.width === 1 && g.front + g.top + g.left === 0;
}

/** Call `fn` with blocks of the rows of the matrix of patches, and memory for one. */
function eachBlock(
  { images, geometry }: Convolution,
  fn: (first: number, end: number, patches: number) => void,
) {
  const perImage = positions(geometry), rows = images * perImage;
  const fit = Math.max(1, Math.floor(BLOCK / columns(geometry)));
  // Whole images, where they fit, so that threads can share them out.
  const step = fit >= perImage
    ? Math.floor(fit / perImage) * perImage
    : Math.max(fit, 64);
  const length = Math.min(step, rows);
  const memory = output([length * columns(geometry)]);
  for (let first = 0; first < rows; first += length) {
    fn(first, Math.min(rows, first + length), pointer(memory));
  }
  free(memory);
}

/** Lay out rows `first` to `end`. */
function patch(
  x: tf.TensorInfo,
  geometry: Geometry,
  first: number,
  end: number,
  patches: number,
) {
  const n = end - first, bytes = 4 * columns(geometry);
  const words = shareWords(geometryWords(geometry)), at = pointer(x);
  runRanges("patches", n, n * bytes / 16, (from, to) => [
    ...[patches + from * bytes, at, first + from, first + to, words],
  ]);
}

/** A product with contiguous rows. */
function product(
  p: Omit<Product, "batch" | "aStep" | "bStep" | "cStep" | "bias">,
  bias = 0,
) {
  multiply({ ...p, batch: 1, aStep: 0, bStep: 0, cStep: 0, bias });
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
  const { geometry: g, filters: N, images } = convolution, K = columns(g);
  const out = output(outShape);
  if (size(outShape) === 0) return out;
  const flags = relu ? 2 : 0, at = bias ? pointer(bias) : 0;
  const sizes = {
    aRow: 4 * K,
    b: pointer(filter),
    bRow: 4 * N,
    cRow: 4 * N,
    N,
    K,
    flags,
  };
  const rows = (first: number, end: number, a: number) => {
    product(
      { ...sizes, a, c: pointer(out) + 4 * first * N, M: end - first },
      at,
    );
  };
  if (isPointwise(g)) rows(0, images * positions(g), pointer(x));
  else {
    eachBlock(convolution, (first, end, patches) => {
      patch(x, g, first, end, patches);
      rows(first, end, patches);
    });
  }
  return out;
}

/** The gradient in the filter. */
export function filterGradient(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  convolution: Convolution,
  shape: readonly number[],
): tf.TensorInfo {
  const { geometry: g, filters: N, images } = convolution, M = columns(g);
  if (images * positions(g) * M * N === 0) return zeros(shape);
  const out = output(shape);
  const sizes = {
    aRow: 4 * M,
    bRow: 4 * N,
    c: pointer(out),
    cRow: 4 * N,
    M,
    N,
  };
  const rows = (first: number, end: number, a: number) => {
    const flags = TRANSPOSE_A | (first ? ACCUMULATE : 0);
    product({
      ...sizes,
      a,
      b: pointer(dy) + 4 * first * N,
      K: end - first,
      flags,
    });
  };
  if (isPointwise(g)) rows(0, images * positions(g), pointer(x));
  else {
    eachBlock(convolution, (first, end, patches) => {
      patch(x, g, first, end, patches);
      rows(first, end, patches);
    });
  }
  return out;
}

/** The gradient in the input, which is also the transposed convolution of `dy`. */
export function inputGradient(
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  convolution: Convolution,
  shape: readonly number[],
): tf.TensorInfo {
  const { geometry: g, filters: K, images } = convolution, N = columns(g);
  if (images * positions(g) * N * K === 0) return zeros(shape);
  const sizes = {
    aRow: 4 * K,
    b: pointer(filter),
    bRow: 4 * K,
    cRow: 4 * N,
    N,
    K,
  };
  const rows = (first: number, end: number, c: number) => {
    const a = pointer(dy) + 4 * first * K;
    product({ ...sizes, a, c, M: end - first, flags: TRANSPOSE_B });
  };
  if (isPointwise(g)) {
    const out = output(shape);
    rows(0, images * positions(g), pointer(out));
    return out;
  }
  const out = zeros(shape), at = pointer(out), perImage = positions(g);
  eachBlock(convolution, (first, end, patches) => {
    rows(first, end, patches);
    // Threads may not add to one image: they take whole ones.
    const words = shareWords(geometryWords(g)), n = end - first;
    const work = n % perImage ? 0 : n * N / 2;
    runRanges("unpatch", n, work, (from, to) => [
      ...[patches + 4 * from * N, at, first + from, first + to, words],
    ], perImage);
  });
  return out;
}

function convolution2D(c: Sizes2D): Convolution {
  return {
    images: c.batchSize,
    filters: c.outChannels,
    geometry: geometry2D(c),
  };
}

function convolution3D(c: Sizes3D): Convolution {
  return {
    images: c.batchSize,
    filters: c.outChannels,
    geometry: geometry3D(c),
  };
}

/** `[n, h, w, c]` of `[n, c, h, w]`. */
function channelsLast(x: tf.TensorInfo): tf.TensorInfo {
  return call("Transpose", { x }, { perm: [0, 2, 3, 1] });
}

/** `compute` with channels last, whatever the format; the tensors are those it reads. */
function inFormat(
  dataFormat: string | undefined,
  tensors: readonly tf.TensorInfo[],
  compute: (...tensors: tf.TensorInfo[]) => tf.TensorInfo,
  imageResult = true,
): tf.TensorInfo {
  if (dataFormat !== "NCHW") return compute(...tensors);
  const turned = tensors.map(channelsLast), result = compute(...turned);
  free(...turned);
  if (!imageResult) return result;
  const back = call("Transpose", { x: result }, { perm: [0, 3, 1, 2] });
  free(result);
  return back;
}

function expectFloats(kernel: string, ...tensors: tf.TensorInfo[]) {
  for (const x of tensors) expectType(kernel, x, "float32");
}

function conv2D(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  attrs: Attrs2D & FusedAttrs,
  ends: FusedInputs,
): tf.TensorInfo {
  expectFloats("conv2d", x, filter);
  const c = sizes2D(x.shape, filter.shape, attrs),
    last = { ...c, dataFormat: "channelsLast" };
  const shape = [c.batchSize, c.outHeight, c.outWidth, c.outChannels];
  return inFormat(attrs.dataFormat, [x], (x) =>
    finish(
      c.outChannels,
      ends,
      attrs,
      (bias, relu) =>
        convolve(x!, filter, convolution2D(last as Sizes2D), shape, bias, relu),
    ));
}

/** Replace convolutions of images and volumes and their gradients. */
export function registerConvolutions(): void {
  replace<"x" | "filter", Attrs2D>(
    "Conv2D",
    ({ inputs: { x, filter }, attrs }) => conv2D(x, filter, attrs, {}),
  );
  replace<
    "x" | "filter" | "bias" | "preluActivationWeights",
    Attrs2D & FusedAttrs
  >(
    "FusedConv2D",
    ({ inputs, attrs }) => conv2D(inputs.x, inputs.filter, attrs, inputs),
  );
  replace<"x" | "dy", Attrs2D & { filterShape: number[] }>(
    "Conv2DBackpropFilter",
    ({ inputs, attrs }) => {
      const { x, dy } = inputs, { filterShape, dataFormat } = attrs;
      expectFloats("the gradient of conv2d", x, dy);
      const c = convolution2D(sizes2D(x.shape, filterShape, attrs));
      const tensors = [x, dy];
      return inFormat(
        dataFormat,
        tensors,
        (x, dy) => filterGradient(x!, dy!, c, filterShape),
        false,
      );
    },
  );
  replace<"dy" | "filter", Attrs2D & { inputShape: number[] }>(
    "Conv2DBackpropInput",
    ({ inputs: { dy, filter }, attrs }) => {
      expectFloats("the gradient of conv2d", dy, filter);
      const c = sizes2D(attrs.inputShape, filter.shape, attrs);
      const shape = [c.batchSize, c.inHeight, c.inWidth, c.inChannels];
      return inFormat(
        attrs.dataFormat,
        [dy],
        (dy) => inputGradient(dy!, filter, convolution2D(c), shape),
      );
    },
  );
  replace<"x" | "filter", Attrs3D>(
    "Conv3D",
    ({ inputs: { x, filter }, attrs }) => {
      expectFloats("conv3d", x, filter);
      const c = sizes3D(x.shape, filter.shape, attrs);
      return convolve(x, filter, convolution3D(c), c.outShape);
    },
  );
  replace<"x" | "dy", Attrs3D & { filterShape: number[] }>(
    "Conv3DBackpropFilterV2",
    ({ inputs: { x, dy }, attrs }) => {
      expectFloats("the gradient of conv3d", x, dy);
      const c = sizes3D(x.shape, attrs.filterShape, attrs);
      return filterGradient(x, dy, convolution3D(c), attrs.filterShape);
    },
  );
  replace<"dy" | "filter", Attrs3D & { inputShape: number[] }>(
    "Conv3DBackpropInputV2",
    ({ inputs: { dy, filter }, attrs }) => {
      expectFloats("the gradient of conv3d", dy, filter);
      const c = sizes3D(attrs.inputShape, filter.shape, attrs);
      return inputGradient(dy, filter, convolution3D(c), attrs.inputShape);
    },
  );
}
