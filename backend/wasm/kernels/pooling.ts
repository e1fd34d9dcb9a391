/**
 * Max pooling of images and volumes and its gradient, and the gradients of
 * depthwise convolution.
 *
 * tfjs takes 1.2e-38 for the lowest float, so that windows of negative numbers come
 * out wrong, and lacks the depthwise gradients on WASM.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Attrs2D, geometry2D, geometry3D, sizes2D } from "./geometry.ts";
import { SCRATCH } from "./gemm.ts";
import { run, runRanges, share } from "../machine/parallel.ts";
import { type Geometry, geometryWords } from "./patches.ts";
import {
  expectType,
  output,
  pointer,
  replace,
  size,
  view,
  zeros,
} from "../machine/registry.ts";

/** Windows over so many images. */
interface Pooling {
  readonly images: number;
  readonly geometry: Geometry;
  readonly outShape: number[];
}

function outputs({ images, geometry: g }: Pooling): number {
  return images * g.outDepth * g.outHeight * g.outWidth;
}

/** Operations: every place of every window, four channels at a time. */
function work(p: Pooling): number {
  const { depth, height, width, channels } = p.geometry;
  return outputs(p) * depth * height * width * (2 + channels / 4);
}

/** The largest element of each window; NaN where one is. */
function maxPool(x: tf.TensorInfo, p: Pooling): tf.TensorInfo {
  const y = output(p.outShape), words = share(geometryWords(p.geometry));
  const at = pointer(x), to = pointer(y);
  if (size(y.shape) === 0) return y;
  runRanges(
    "maxPool",
    outputs(p),
    work(p),
    (first, end) => [at, to, first, end, words],
  );
  return y;
}

/** The most channels for which a row of places fits beside one of values in scratch memory. */
const MOST_CHANNELS = Math.floor((SCRATCH - 64) / 8);

/** `dy` where the largest elements of the windows are: at the first of equal ones. */
function maxPoolGrad(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  p: Pooling,
): tf.TensorInfo {
  const { channels } = p.geometry;
  if (channels > MOST_CHANNELS) {
    throw new RangeError(
      `Cannot take the gradient of maxPool on WASM: there may be at most ${MOST_CHANNELS} channels: current value is ${channels}`,
    );
  }
  const dx = zeros(x.shape);
  if (size(dy.shape) === 0) return dx;
  const words = share(geometryWords(p.geometry)),
    perImage = outputs(p) / p.images;
  const [at, from, to] = [pointer(x), pointer(dy), pointer(dx)];
  runRanges(
    "maxPoolGrad",
    outputs(p),
    work(p),
    (first, end) => [at, from, to, first, end, words],
    perImage, // threads may not add to one image
  );
  return dx;
}

/** The largest elements, and where they are: counted through the image, or through all. */
function maxPoolWithArgmax(
  x: tf.TensorInfo,
  p: Pooling,
  includeBatchInIndex: boolean,
): tf.TensorInfo[] {
  const y = output(p.outShape), at = output(p.outShape, "int32");
  if (size(y.shape) === 0) return [y, at];
  const words = share(geometryWords(p.geometry));
  run("maxPoolIndex", [[
    pointer(x),
    pointer(at),
    pointer(y),
    0,
    outputs(p),
    words,
  ]]);
  const indices = view(at), { channels, inHeight, inWidth } = p.geometry;
  const perImage = includeBatchInIndex ? 0 : inHeight * inWidth * channels;
  const outPerImage = indices.length / p.images;
  for (let i = 0; i < indices.length; i++) {
    const image = Math.floor(i / outPerImage);
    indices[i] = indices[i]! * channels + i % channels - image * perImage;
  }
  return [y, at];
}

/** The options of pooling. */
interface PoolAttrs {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/** The options of pooling volumes. */
interface Pool3DAttrs {
  readonly filterSize: number | [number, number, number];
  readonly strides: number | [number, number, number];
  readonly pad: "valid" | "same" | number;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

function pooling(x: tf.TensorInfo, attrs: PoolAttrs): Pooling {
  expectType("maxPool", x, "float32");
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const shape = x.shape as [number, number, number, number];
  const c = tf.backend_util.computePool2DInfo(
    shape,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return { images: c.batchSize, geometry: geometry2D(c), outShape: c.outShape };
}

function pooling3D(x: tf.TensorInfo, attrs: Pool3DAttrs): Pooling {
  expectType("maxPool3d", x, "float32");
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const shape = x.shape as [number, number, number, number, number];
  const c = tf.backend_util.computePool3DInfo(
    shape,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return { images: c.batchSize, geometry: geometry3D(c), outShape: c.outShape };
}

function depthwise(
  shape: readonly number[],
  filterShape: readonly number[],
  attrs: Attrs2D,
) {
  const c = sizes2D(shape, filterShape, attrs, true);
  return { images: c.batchSize, geometry: geometry2D(c), outShape: c.outShape };
}

/** Replace max pooling, and add the gradients of depthwise convolution. */
export function registerPooling(): void {
  replace<"x", PoolAttrs>(
    "MaxPool",
    ({ inputs: { x }, attrs }) => maxPool(x, pooling(x, attrs)),
  );
  replace<"dy" | "input", PoolAttrs>(
    "MaxPoolGrad",
    ({ inputs: { dy, input }, attrs }) =>
      maxPoolGrad(input, dy, pooling(input, attrs)),
  );
  replace<"x", Pool3DAttrs>(
    "MaxPool3D",
    ({ inputs: { x }, attrs }) => maxPool(x, pooling3D(x, attrs)),
  );
  replace<"dy" | "input", Pool3DAttrs>(
    "MaxPool3DGrad",
    ({ inputs: { dy, input }, attrs }) =>
      maxPoolGrad(input, dy, pooling3D(input, attrs)),
  );
  replace<"x", PoolAttrs & { includeBatchInIndex: boolean }>(
    "MaxPoolWithArgmax",
    ({ inputs: { x }, attrs }) =>
      maxPoolWithArgmax(x, pooling(x, attrs), attrs.includeBatchInIndex),
  );
  replace<"x" | "dy", Attrs2D & { filterShape: number[] }>(
    "DepthwiseConv2dNativeBackpropFilter",
    ({ inputs: { x, dy }, attrs }) => {
      for (const t of [x, dy]) {
        expectType("the gradient of depthwiseConv2d", t, "float32");
      }
      const p = depthwise(x.shape, attrs.filterShape, attrs);
      const out = zeros(attrs.filterShape),
        words = share(geometryWords(p.geometry));
      if (size(dy.shape) === 0) return out;
      const args = [
        pointer(x),
        pointer(out),
        pointer(dy),
        attrs.filterShape[3]!,
      ];
      run("depthwiseFilter", [[...args, 0, outputs(p), words]]);
      return out;
    },
  );
  replace<"dy" | "filter", Attrs2D & { inputShape: number[] }>(
    "DepthwiseConv2dNativeBackpropInput",
    ({ inputs: { dy, filter }, attrs }) => {
      for (const t of [dy, filter]) {
        expectType("the gradient of depthwiseConv2d", t, "float32");
      }
      const p = depthwise(attrs.inputShape, filter.shape, attrs);
      const out = zeros(attrs.inputShape),
        words = share(geometryWords(p.geometry));
      if (size(dy.shape) === 0) return out;
      const args = [
        pointer(out),
        pointer(filter),
        pointer(dy),
        filter.shape[3]!,
      ];
      const perImage = outputs(p) / p.images;
      runRanges("depthwiseInput", outputs(p), work(p), (first, end) => [
        ...[...args, first, end, words],
      ], perImage);
      return out;
    },
  );
}
