/**
 * Max pooling of images and volumes, and its gradient.
 *
 * tfjs takes 1.2e-38 for the lowest float, so that windows of negative numbers come
 * out wrong.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { inMemory } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
  view,
  zeros,
} from "../machine/registry.ts";
import { SCRATCH } from "./gemm.ts";
import { geometry2D, geometry3D } from "./geometry.ts";
import {
  addAtLargest,
  LANES_SCRATCH,
  largestOfWindows,
  maxOfWindows,
} from "./max_pool_code.ts";
import {
  areApart,
  areEverywhere,
  fourPlaces,
  maxOfFour,
  placeAtLargest,
} from "./max_pool_four.ts";
import {
  elementsOf,
  geometryWords,
  operations,
  type Windows,
  windowsIn,
} from "./windows.ts";

/** Windows, and the shape of what is made of them. */
interface Pooling extends Windows {
  readonly outShape: number[];
}

/** Throw unless the tensors are as large as the windows say. */
function expectSizes(
  name: string,
  p: Pooling,
  x: readonly number[],
  y: readonly number[],
) {
  const outputs = p.images * windowsIn(p.geometry) * p.geometry.channels;
  expectSize(name, "the input", x, elementsOf(p));
  expectSize(name, "the output", y, outputs);
}

/** The largest element of each window; NaN where one is. */
function maxPool(x: tf.TensorInfo, p: Pooling): tf.TensorInfo {
  expectSizes("maxPool", p, x.shape, p.outShape);
  const y = output(p.outShape);
  if (size(y.shape) === 0) return y;
  const geometry = inMemory(geometryWords(p.geometry));
  const total = p.images * windowsIn(p.geometry);
  const bytes = 4 * p.geometry.channels, four = fourPlaces(p.geometry);
  const args = (first: number, end: number) => ({
    x: pointer(x),
    y: pointer(y) + first * bytes,
    first,
    end,
    geometry,
  });
  if (four) {
    maxOfFour.ranges(total, operations(p) / 4, (first, end) => ({
      ...args(first, end),
      ...four,
    }));
  } else maxOfWindows.ranges(total, operations(p), args);
  return y;
}

/** The most channels for which a row of places fits beside one of values in scratch memory. */
const MOST_CHANNELS = Math.floor((SCRATCH - LANES_SCRATCH) / 8);

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
  expectSizes("the gradient of maxPool", p, x.shape, dy.shape);
  const four = areApart(p.geometry) ? fourPlaces(p.geometry) : undefined;
  const isWritten = four && areEverywhere(p.geometry);
  const dx = isWritten ? output(x.shape) : zeros(x.shape);
  if (size(dy.shape) === 0) return dx;
  const geometry = inMemory(geometryWords(p.geometry));
  const perImage = windowsIn(p.geometry);
  if (four) {
    const total = p.images * perImage;
    placeAtLargest.ranges(total, operations(p) / 2, (first, end) => ({
      x: pointer(x),
      dy: pointer(dy) + 4 * channels * first,
      dx: pointer(dx),
      first,
      end,
      geometry,
      ...four,
    }));
    return dx;
  }
  // Threads may not add to one image: they take whole ones.
  addAtLargest.ranges(p.images * perImage, operations(p), (first, end) => ({
    x: pointer(x),
    dy: pointer(dy),
    dx: pointer(dx),
    first,
    end,
    geometry,
  }), perImage);
  return dx;
}

/** The largest elements, and where they are: counted through the image, or through all. */
function maxPoolWithArgmax(
  x: tf.TensorInfo,
  p: Pooling,
  includeBatchInIndex: boolean,
): tf.TensorInfo[] {
  expectSizes("maxPoolWithArgmax", p, x.shape, p.outShape);
  const y = output(p.outShape), at = output(p.outShape, "int32");
  if (size(y.shape) === 0) return [y, at];
  largestOfWindows.run({
    x: pointer(x),
    pixels: pointer(at),
    best: pointer(y),
    first: 0,
    end: p.images * windowsIn(p.geometry),
    geometry: inMemory(geometryWords(p.geometry)),
  });
  const indices = view(at), { channels, inHeight, inWidth } = p.geometry;
  const perImage = includeBatchInIndex ? 0 : inHeight * inWidth * channels;
  const outPerImage = indices.length / p.images;
  for (let i = 0; i < indices.length; i++) {
    const image = Math.floor(i / outPerImage);
    indices[i] = indices[i]! * channels + i % channels - image * perImage;
  }
  return [y, at];
}

/** The options of pooling images. */
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

/** Replace max pooling and its gradient. */
export function registerMaxPool(): void {
  replace<"x", PoolAttrs & { includeBatchInIndex: boolean }>(
    "MaxPoolWithArgmax",
    ({ inputs: { x }, attrs }) =>
      maxPoolWithArgmax(x, pooling(x, attrs), attrs.includeBatchInIndex),
  );
  registerPair("MaxPool", pooling);
  registerPair("MaxPool3D", pooling3D);
}

/** Replace a kernel and its gradient. */
function registerPair<A>(
  name: string,
  poolingOf: (x: tf.TensorInfo, attrs: A) => Pooling,
) {
  replace<"x", A>(
    name,
    ({ inputs: { x }, attrs }) => maxPool(x, poolingOf(x, attrs)),
  );
  replace<"dy" | "input", A>(
    `${name}Grad`,
    ({ inputs: { dy, input }, attrs }) =>
      maxPoolGrad(input, dy, poolingOf(input, attrs)),
  );
}
