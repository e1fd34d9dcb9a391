import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { byAxis } from "../../backend/guards/paddings.ts";
import { fromInputs, type Gradients, zeros } from "./rule.ts";
import { atBest, type Axis, cells, planeOf } from "./windows.ts";

/** Grayscale dilation: the maximum over a window of image plus filter. */
export const morphology: Gradients = {
  Dilation2D: fromInputs(
    ["x", "filter"],
    (dy, { x, filter }, attrs: tf.Dilation2DAttrs) => ({
      x: () => runKernel(tf.Dilation2DBackpropInput, { x, filter, dy }, attrs),
      filter: () =>
        runKernel(tf.Dilation2DBackpropFilter, { x, filter, dy }, attrs),
    }),
  ),
  // Linear in dy, and flat in the rest.
  Dilation2DBackpropInput: fromInputs(
    ["x", "filter"],
    (g, { x, filter }, attrs: tf.Dilation2DAttrs) => ({
      dy: () =>
        atMaximum(x, filter, attrs, cells(g, axesOf(x, filter, attrs), 0)),
      x: () => zeros(x.shape),
      filter: () => zeros(filter.shape),
    }),
  ),
  Dilation2DBackpropFilter: fromInputs(
    ["x", "filter"],
    (g, { x, filter }, attrs: tf.Dilation2DAttrs) => ({
      dy: () => atMaximum(x, filter, attrs, weights(g)),
      x: () => zeros(x.shape),
      filter: () => zeros(filter.shape),
    }),
  ),
};

function atMaximum(
  x: tf.Tensor,
  filter: tf.Tensor,
  attrs: tf.Dilation2DAttrs,
  choices: tf.Tensor[],
): tf.Tensor {
  const best = runKernel(tf.Dilation2D, { x, filter }, attrs);
  const offsets = weights(filter);
  const values = cells(x, axesOf(x, filter, attrs), -3e38)
    .map((cell, i) => tf.add(cell, offsets[i]!));
  return atBest(values, best, choices);
}

/** A filter's values for each cell of the window: `[channels]` each. */
function weights(filter: tf.Tensor): tf.Tensor[] {
  const [height, width, channels] = filter.shape as [number, number, number];
  return tf.unstack(tf.reshape(filter, [height * width, channels]));
}

function axesOf(
  x: tf.Tensor,
  filter: tf.Tensor,
  { strides, pad, dilations }: tf.Dilation2DAttrs,
): [Axis, Axis] {
  const info = tf.backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    strides,
    byAxis(pad) as "valid" | "same" | number,
    "NHWC",
    dilations,
  );
  return planeOf(info);
}
