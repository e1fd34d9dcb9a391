/**
 * The windows of convolutions, of images and of volumes alike.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** One axis of an image or a volume. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  /** Cells of the filter. */
  readonly window: number;
  readonly stride: number;
  /** How far apart neighbours of the filter are. */
  readonly dilation: number;
  /** Cells of padding before the first. */
  readonly before: number;
}

/** A convolution of [batch, ...axes, channels]. */
export interface Geometry {
  readonly batch: number;
  /** Of the input. */
  readonly channels: number;
  /** Channels of the output. */
  readonly filters: number;
  readonly axes: readonly Axis[];
}

/** The options of kernels over images and volumes. */
export interface WindowAttrs {
  readonly strides: number | number[];
  readonly pad: "valid" | "same" | number | tf.backend_util.ExplicitPadding;
  readonly dilations?: number | number[];
  readonly dataFormat?: "NHWC" | "NCHW" | "NDHWC";
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/**
 * The geometry of a convolution of images with their channels last.
 *
 * @param isDepthwise Whether each channel has filters of its own; `filters` are then
 * all together.
 */
export function imageGeometry(
  shape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations = 1, dimRoundingMode }: WindowAttrs,
  isDepthwise = false,
): Geometry {
  type Shape = [number, number, number, number];
  const info = tf.backend_util.computeConv2DInfo(
    shape as Shape,
    filterShape as Shape,
    strides as number,
    dilations as number,
    pad,
    dimRoundingMode,
    isDepthwise,
  );
  return geometry(info, [
    axis(
      info.inHeight,
      info.outHeight,
      filterShape[0]!,
      info.strideHeight,
      info.dilationHeight,
      info.padInfo.top,
    ),
    axis(
      info.inWidth,
      info.outWidth,
      filterShape[1]!,
      info.strideWidth,
      info.dilationWidth,
      info.padInfo.left,
    ),
  ]);
}

/** The geometry of a convolution of volumes. */
export function volumeGeometry(
  shape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dilations = 1 }: WindowAttrs,
): Geometry {
  type Shape = [number, number, number, number, number];
  const info = tf.backend_util.computeConv3DInfo(
    shape as Shape,
    filterShape as Shape,
    strides as number,
    dilations as number,
    pad as "same",
  );
  const { padInfo } = info;
  return geometry(info, [
    axis(
      info.inDepth,
      info.outDepth,
      filterShape[0]!,
      info.strideDepth,
      info.dilationDepth,
      padInfo.front,
    ),
    axis(
      info.inHeight,
      info.outHeight,
      filterShape[1]!,
      info.strideHeight,
      info.dilationHeight,
      padInfo.top,
    ),
    axis(
      info.inWidth,
      info.outWidth,
      filterShape[2]!,
      info.strideWidth,
      info.dilationWidth,
      padInfo.left,
    ),
  ]);
}

function axis(
  input: number,
  output: number,
  window: number,
  stride: number,
  dilation: number,
  before: number,
): Axis {
  return { input, output, window, stride, dilation, before };
}

function geometry(
  { batchSize, inChannels, outChannels }: Pick<
    tf.backend_util.Conv2DInfo,
    "batchSize" | "inChannels" | "outChannels"
  >,
  axes: readonly Axis[],
): Geometry {
  return { batch: batchSize, channels: inChannels, filters: outChannels, axes };
}

/** How many cells there are along all axes. */
export function cells(
  { axes }: Geometry,
  of: "input" | "output" | "window",
): number {
  return axes.reduce((n, axis) => n * axis[of], 1);
}

/** Whether each cell of the output sees the same cell of the input only. */
export function isPointwise({ axes }: Geometry): boolean {
  return axes.every(({ input, output, window, stride, before }) =>
    window === 1 && stride === 1 && before === 0 && input === output
  );
}

/** The numbers that shaders read of the windows. */
export function windowUniforms(
  { axes, channels, filters }: Geometry,
): Record<string, readonly ["i32", number]> {
  const uniforms: Record<string, readonly ["i32", number]> = {
    channels: ["i32", channels],
    filters: ["i32", filters],
  };
  axes.forEach((axis, i) => {
    for (
      const name of [
        "input",
        "output",
        "window",
        "stride",
        "dilation",
        "before",
      ] as const
    ) {
      uniforms[`${name}${i}`] = ["i32", axis[name]];
    }
  });
  return uniforms;
}
