/**
 * From tfjs' options of convolution and pooling to windows.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Geometry } from "./windows.ts";

/** tfjs' description of a convolution of images. */
export type Sizes2D = tf.backend_util.Conv2DInfo;
/** tfjs' description of a convolution of volumes. */
export type Sizes3D = tf.backend_util.Conv3DInfo;

/** The windows of a convolution of images. */
export function geometry2D(c: Sizes2D): Geometry {
  return {
    inDepth: 1,
    inHeight: c.inHeight,
    inWidth: c.inWidth,
    channels: c.inChannels,
    outDepth: 1,
    outHeight: c.outHeight,
    outWidth: c.outWidth,
    depth: 1,
    height: c.filterHeight,
    width: c.filterWidth,
    strideDepth: 1,
    strideHeight: c.strideHeight,
    strideWidth: c.strideWidth,
    dilationDepth: 1,
    dilationHeight: c.dilationHeight,
    dilationWidth: c.dilationWidth,
    front: 0,
    top: c.padInfo.top,
    left: c.padInfo.left,
  };
}

/** The windows of a convolution of volumes. */
export function geometry3D(c: Sizes3D): Geometry {
  return {
    ...geometry2D(c as unknown as Sizes2D),
    inDepth: c.inDepth,
    outDepth: c.outDepth,
    depth: c.filterDepth,
    strideDepth: c.strideDepth,
    dilationDepth: c.dilationDepth,
    front: c.padInfo.front,
  };
}

/** The options of kernels over images. */
export interface Attrs2D {
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  readonly dilations?: number | [number, number];
  readonly dataFormat?: "NHWC" | "NCHW";
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/** The sizes of a convolution of images, both data formats. */
export function sizes2D(
  shape: readonly number[],
  filterShape: readonly number[],
  attrs: Attrs2D,
  depthwise = false,
): Sizes2D {
  return tf.backend_util.computeConv2DInfo(
    shape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    depthwise,
    attrs.dataFormat === "NCHW" ? "channelsFirst" : "channelsLast",
  );
}

/** The options of kernels over volumes. */
export interface Attrs3D {
  readonly strides: number | [number, number, number];
  readonly pad: "valid" | "same";
  readonly dilations?: number | [number, number, number];
}

/** The sizes of a convolution of volumes. */
export function sizes3D(
  shape: readonly number[],
  filterShape: readonly number[],
  attrs: Attrs3D,
) {
  const { strides, dilations = 1, pad } = attrs;
  type Shape = [number, number, number, number, number];
  return tf.backend_util.computeConv3DInfo(
    shape as Shape,
    filterShape as Shape,
    strides,
    dilations,
    pad,
  );
}
