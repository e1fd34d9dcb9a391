import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { fromInputs, type Gradients, zeros } from "./rule.ts";
import { after, atBest, type Axis, cells } from "./windows.ts";

type Pool2D = tf.AvgPoolAttrs;
type Pool3D = Pick<
  tf.AvgPool3DAttrs,
  "filterSize" | "strides" | "pad" | "dimRoundingMode"
>;

/** Averages and maxima of windows. */
export const pooling: Gradients = {
  AvgPool: fromInputs(["x"], (dy, { x }, attrs: Pool2D) => ({
    x: () =>
      runKernel(tf.AvgPoolGrad, {
        dy: byValid(dy, axes2D(x.shape, attrs), tf.div),
        input: x,
      }, floored(x.shape, attrs)),
  })),
  AvgPool3D: fromInputs(["x"], (dy, { x }, attrs: Pool3D) => ({
    x: () =>
      runKernel(tf.AvgPool3DGrad, {
        dy: byValid(dy, axes3D(x.shape, attrs), tf.div),
        input: x,
      }, attrs),
  })),
  MaxPool: {
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => ({
      x: () => {
        const [input, output] = saved as [tf.Tensor, tf.Tensor];
        return runKernel(
          tf.MaxPoolGrad,
          { dy: dy as tf.Tensor, input, output },
          attrs,
        );
      },
    }),
  },
  MaxPool3D: {
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => ({
      x: () => {
        const [input, output] = saved as [tf.Tensor, tf.Tensor];
        return runKernel(
          tf.MaxPool3DGrad,
          { dy: dy as tf.Tensor, input, output },
          attrs,
        );
      },
    }),
  },

  // The gradients' own gradients. They are linear in dy.
  AvgPoolGrad: fromInputs(["input"], (g, { input }, attrs: Pool2D) => ({
    dy: () =>
      byValid(
        runKernel(tf.AvgPool, { x: g }, attrs),
        axes2D(input.shape, attrs),
        tf.mul,
      ),
    input: () => zeros(input.shape),
  })),
  AvgPool3DGrad: fromInputs(["input"], (g, { input }, attrs: Pool3D) => ({
    dy: () =>
      byValid(
        runKernel(tf.AvgPool3D, { x: g }, { ...attrs, dataFormat: "NDHWC" }),
        axes3D(input.shape, attrs),
        tf.mul,
      ),
    input: () => zeros(input.shape),
  })),
  MaxPoolGrad: fromInputs(
    ["input", "output"],
    (g, { input, output }, attrs: Pool2D) => ({
      dy: () => atMaximum(g, input, output, axes2D(input.shape, attrs)),
      input: () => zeros(input.shape),
      output: () => zeros(output.shape),
    }),
  ),
  MaxPool3DGrad: fromInputs(
    ["input", "output"],
    (g, { input, output }, attrs: Pool3D) => ({
      dy: () => atMaximum(g, input, output, axes3D(input.shape, attrs)),
      input: () => zeros(input.shape),
      output: () => zeros(output.shape),
    }),
  ),
};

/**
 * tfjs' average divides by the number of cells that are not padding, its
 * gradient by the size of the window. This multiplies or divides by the ratio.
 */
function byValid(
  dy: tf.Tensor,
  axes: Axis[],
  apply: (dy: tf.Tensor, share: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const shares = axes.map(({ size, window, stride, before, out }) =>
    Array.from({ length: out }, (_, i) => {
      const start = i * stride - before;
      const valid = Math.min(start + window, size) - Math.max(start, 0);
      return Math.max(valid, 1) / window;
    })
  );
  if (shares.every((along) => along.every((share) => share === 1))) return dy;
  const all = shares.reduce(
    (product, along) => product.flatMap((p) => along.map((share) => p * share)),
    [1],
  );
  return apply(dy, tf.tensor(all, [1, ...axes.map(({ out }) => out), 1]));
}

/** `g` where each window's maximum is. */
function atMaximum(
  g: tf.Tensor,
  input: tf.Tensor,
  output: tf.Tensor,
  axes: Axis[],
): tf.Tensor {
  return atBest(cells(input, axes, -3e38), output, cells(g, axes, 0));
}

/** The same pooling with its padding written out, because `AvgPoolGrad` does not round. */
function floored(shape: number[], attrs: Pool2D): Pool2D {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  if (!dimRoundingMode || typeof pad === "string") return attrs;
  const [height, width] = axes2D(shape, attrs).map((axis) =>
    [axis.before, after(axis)] as [number, number]
  ) as [[number, number], [number, number]];
  return { filterSize, strides, pad: [[0, 0], height, width, [0, 0]] };
}

function axes2D(shape: number[], attrs: Pool2D): Axis[] {
  const info = tf.backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  return [
    {
      size: info.inHeight,
      window: info.filterHeight,
      stride: info.strideHeight,
      dilation: 1,
      before: info.padInfo.top,
      out: info.outHeight,
    },
    {
      size: info.inWidth,
      window: info.filterWidth,
      stride: info.strideWidth,
      dilation: 1,
      before: info.padInfo.left,
      out: info.outWidth,
    },
  ];
}

function axes3D(shape: number[], attrs: Pool3D): Axis[] {
  const info = tf.backend_util.computePool3DInfo(
    shape as [number, number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  return [
    {
      size: info.inDepth,
      window: info.filterDepth,
      stride: info.strideDepth,
      dilation: 1,
      before: info.padInfo.front,
      out: info.outDepth,
    },
    {
      size: info.inHeight,
      window: info.filterHeight,
      stride: info.strideHeight,
      dilation: 1,
      before: info.padInfo.top,
      out: info.outHeight,
    },
    {
      size: info.inWidth,
      window: info.filterWidth,
      stride: info.strideWidth,
      dilation: 1,
      before: info.padInfo.left,
      out: info.outWidth,
    },
  ];
}
