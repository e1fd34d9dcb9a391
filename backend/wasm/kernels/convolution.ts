/**
 * Convolutions of images and volumes, and their gradients, in both data formats.
 *
 * tfjs lacks the gradient of a filter on WASM, computes the gradients of volumes
 * wrongly, and keeps packed filters that go stale.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { call, expectType, free, replace } from "../machine/registry.ts";
import { finish, type FusedAttrs, type FusedInputs } from "./epilogue.ts";
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
import {
  type Convolution,
  convolve,
  filterGradient,
  inputGradient,
} from "./patch_products.ts";

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
  const c = sizes2D(x.shape, filter.shape, attrs);
  const shape = [c.batchSize, c.outHeight, c.outWidth, c.outChannels];
  return inFormat(attrs.dataFormat, [x], (x) =>
    finish(
      c.outChannels,
      ends,
      attrs,
      (bias, relu) => convolve(x!, filter, convolution2D(c), shape, bias, relu),
    ));
}

function registerImages() {
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
  const gradient = "the gradient of conv2d";
  replace<"x" | "dy", Attrs2D & { filterShape: number[] }>(
    "Conv2DBackpropFilter",
    ({ inputs: { x, dy }, attrs }) => {
      const { filterShape, dataFormat } = attrs;
      expectFloats(gradient, x, dy);
      const c = convolution2D(sizes2D(x.shape, filterShape, attrs));
      return inFormat(
        dataFormat,
        [x, dy],
        (x, dy) => filterGradient(x!, dy!, c, filterShape),
        false,
      );
    },
  );
  replace<"dy" | "filter", Attrs2D & { inputShape: number[] }>(
    "Conv2DBackpropInput",
    ({ inputs: { dy, filter }, attrs }) => {
      expectFloats(gradient, dy, filter);
      const c = sizes2D(attrs.inputShape, filter.shape, attrs);
      const shape = [c.batchSize, c.inHeight, c.inWidth, c.inChannels];
      return inFormat(
        attrs.dataFormat,
        [dy],
        (dy) => inputGradient(dy!, filter, convolution2D(c), shape),
      );
    },
  );
}

function registerVolumes() {
  replace<"x" | "filter", Attrs3D>(
    "Conv3D",
    ({ inputs: { x, filter }, attrs }) => {
      expectFloats("conv3d", x, filter);
      const c = sizes3D(x.shape, filter.shape, attrs);
      return convolve(x, filter, convolution3D(c), c.outShape);
    },
  );
  const gradient = "the gradient of conv3d";
  replace<"x" | "dy", Attrs3D & { filterShape: number[] }>(
    "Conv3DBackpropFilterV2",
    ({ inputs: { x, dy }, attrs }) => {
      expectFloats(gradient, x, dy);
      const c = sizes3D(x.shape, attrs.filterShape, attrs);
      return filterGradient(x, dy, convolution3D(c), attrs.filterShape);
    },
  );
  replace<"dy" | "filter", Attrs3D & { inputShape: number[] }>(
    "Conv3DBackpropInputV2",
    ({ inputs: { dy, filter }, attrs }) => {
      expectFloats(gradient, dy, filter);
      const c = sizes3D(attrs.inputShape, filter.shape, attrs);
      return inputGradient(dy, filter, convolution3D(c), attrs.inputShape);
    },
  );
}

/** Replace convolutions of images and volumes and their gradients. */
export function registerConvolutions(): void {
  registerImages();
  registerVolumes();
}
