import * as tf from "@tensorflow/tfjs-core";
import { byAxis } from "../../backend/guards/paddings.ts";
import type { InputGradients } from "./rule.ts";
import { dilate } from "./strides.ts";
import { type Axis, cells, planeOf, type Shape4D } from "./windows.ts";

/** The gradients of a dilated convolution, channels last or first. */
export function dilatedGradients(
  dy: tf.Tensor,
  x: tf.Tensor,
  filter: tf.Tensor,
  attrs: tf.Conv2DAttrs,
  isDepthwise: boolean,
): InputGradients {
  const isLast = attrs.dataFormat !== "NCHW";
  const last = (x: tf.Tensor) => isLast ? x : tf.transpose(x, [0, 2, 3, 1]);
  const first = (x: tf.Tensor) => isLast ? x : tf.transpose(x, [0, 3, 1, 2]);
  const nhwc: tf.Conv2DAttrs = { ...attrs, dataFormat: "NHWC" };
  return {
    x: () => first(inputGrad(last(dy), last(x), filter, nhwc, isDepthwise)),
    filter: () => filterGrad(last(dy), last(x), filter, nhwc, isDepthwise),
  };
}

/** A convolution with the filter turned around, as far apart as in the forward pass. */
function inputGrad(
  dy: tf.Tensor,
  x: tf.Tensor,
  filter: tf.Tensor,
  attrs: tf.Conv2DAttrs,
  isDepthwise: boolean,
): tf.Tensor {
  const axes = axesOf(x, filter, attrs, isDepthwise);
  const [high, wide] = axes;
  const spread = dilate(dilate(dy, 1, high.stride), 2, wide.stride);
  const ends = axes.map((axis, i) => {
    const reach = (axis.window - 1) * axis.dilation;
    return [
      reach - axis.before,
      axis.size + axis.before - spread.shape[i + 1]!,
    ];
  });
  const framed = fit(spread, [[0, 0], ...ends, [0, 0]]) as tf.Tensor4D;
  const turned = tf.reverse(filter, [0, 1]) as tf.Tensor4D;
  const dilations: [number, number] = [high.dilation, wide.dilation];
  if (!isDepthwise) {
    return tf.conv2d(
      framed,
      tf.transpose(turned, [0, 1, 3, 2]),
      1,
      "valid",
      "NHWC",
      dilations,
    );
  }
  const [kh, kw, channels, multiplier] = turned.shape;
  const each = tf.depthwiseConv2d(
    framed,
    tf.reshape(turned, [kh, kw, channels * multiplier, 1]),
    1,
    "valid",
    "NHWC",
    dilations,
  );
  return multiplier === 1
    ? each
    : tf.sum(tf.reshape(each, [...x.shape, multiplier]), -1);
}

function filterGrad(
  dy: tf.Tensor,
  x: tf.Tensor,
  filter: tf.Tensor,
  attrs: tf.Conv2DAttrs,
  isDepthwise: boolean,
): tf.Tensor {
  const axes = axesOf(x, filter, attrs, isDepthwise);
  if (isDepthwise) {
    const [, , channels, multiplier] = filter.shape as number[];
    const weights = tf.reshape(dy, [-1, channels!, multiplier!]);
    const taps = cells(x, axes, 0).map((cell) =>
      tf.sum(tf.mul(tf.reshape(cell, [-1, channels!, 1]), weights), 0)
    );
    return tf.reshape(tf.stack(taps), filter.shape);
  }
  // Channels take the place of the batch, and strides that of dilations.
  const ends = axes.map(({ size, window, stride, dilation, before, out }) => {
    const length = (out - 1) * stride + (window - 1) * dilation + 1;
    return [before, length - size - before];
  });
  const [high, wide] = axes;
  const channelsOfPatches = tf.conv2d(
    tf.transpose(fit(x, [[0, 0], ...ends, [0, 0]]), [
      3,
      1,
      2,
      0,
    ]) as tf.Tensor4D,
    tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D,
    [high.dilation, wide.dilation],
    "valid",
    "NHWC",
    [high.stride, wide.stride],
  );
  return tf.transpose(channelsOfPatches, [1, 2, 0, 3]);
}

function axesOf(
  x: tf.Tensor,
  filter: tf.Tensor,
  { strides, pad, dilations, dimRoundingMode }: tf.Conv2DAttrs,
  isDepthwise: boolean,
): [Axis, Axis] {
  const info = tf.backend_util.computeConv2DInfo(
    x.shape as Shape4D,
    filter.shape as Shape4D,
    strides,
    dilations,
    byAxis(pad),
    dimRoundingMode,
    isDepthwise,
  );
  return planeOf(info);
}

/** Pads with zeros, and crops where the padding is negative. */
function fit(x: tf.Tensor, ends: number[][]): tf.Tensor {
  const padded = tf.pad(
    x,
    ends.map(([a, b]) => [Math.max(0, a!), Math.max(0, b!)]),
  );
  if (ends.every(([a, b]) => a! >= 0 && b! >= 0)) return padded;
  return tf.slice(
    padded,
    ends.map(([a]) => Math.max(0, -a!)),
    x.shape.map((n, i) => n + ends[i]![0]! + ends[i]![1]!),
  );
}
