import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { byAxis, seenShape } from "../../backend/guards/paddings.ts";
import { fromInputs, type Gradient, type Gradients, zeros } from "./rule.ts";
import {
  after,
  atBest,
  type Axis,
  cells,
  planeOf,
  type Shape4D,
  type Shape5D,
  volumeOf,
} from "./windows.ts";

/** The options of pooling that images and volumes have in common. */
type PoolAttrs = Pick<
  tf.AvgPoolAttrs,
  "filterSize" | "strides" | "pad" | "dimRoundingMode"
>;
type AxesOf = (shape: number[], attrs: PoolAttrs) => Axis[];

/**
 * Averages and maxima of windows. The gradients are linear in dy, and have
 * gradients themselves.
 */
export const pooling: Gradients = {
  AvgPool: averageGradient("AvgPoolGrad", axes2D, floored),
  AvgPoolGrad: averageSecond("AvgPool", axes2D),
  AvgPool3D: averageGradient("AvgPool3DGrad", axes3D),
  AvgPool3DGrad: averageSecond("AvgPool3D", axes3D, { dataFormat: "NDHWC" }),
  MaxPool: maximumGradient("MaxPoolGrad"),
  MaxPoolGrad: maximumSecond(axes2D),
  MaxPool3D: maximumGradient("MaxPool3DGrad"),
  MaxPool3DGrad: maximumSecond(axes3D),
};

function averageGradient(
  kernelName: string,
  axesOf: AxesOf,
  attrsOf = (_: number[], attrs: PoolAttrs) => attrs,
): Gradient {
  return fromInputs(["x"], (dy, { x }, attrs: PoolAttrs) => ({
    x: () =>
      runKernel(kernelName, {
        dy: byValid(dy, axesOf(x.shape, attrs), tf.div),
        input: x,
      }, attrsOf(x.shape, attrs)),
  }));
}

function averageSecond(
  kernelName: string,
  axesOf: AxesOf,
  more: object = {},
): Gradient {
  return fromInputs(["input"], (g, { input }, attrs: PoolAttrs) => ({
    dy: () =>
      byValid(
        runKernel(kernelName, { x: g }, { ...attrs, ...more }),
        axesOf(input.shape, attrs),
        tf.mul,
      ),
    input: () => zeros(input.shape),
  }));
}

function maximumGradient(kernelName: string): Gradient {
  return {
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => ({
      x: () => {
        const [input, output] = saved as [tf.Tensor, tf.Tensor];
        const inputs = { dy: dy as tf.Tensor, input, output };
        return runKernel(kernelName, inputs, attrs);
      },
    }),
  };
}

function maximumSecond(axesOf: AxesOf): Gradient {
  return fromInputs(
    ["input", "output"],
    (g, { input, output }, attrs: PoolAttrs) => ({
      dy: () => {
        const axes = axesOf(input.shape, attrs);
        return atBest(cells(input, axes, -3e38), output, cells(g, axes, 0));
      },
      input: () => zeros(input.shape),
      output: () => zeros(output.shape),
    }),
  );
}

/**
 * tfjs' average divides by the number of cells that are not padding, its
 * gradient by the size of the window. This multiplies or divides by the ratio.
 */
function byValid(
  dy: tf.Tensor,
  axes: Axis[],
  apply: (dy: tf.Tensor, fraction: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const fractions = axes.map(({ size, window, stride, before, out }) =>
    Array.from({ length: out }, (_, i) => {
      const start = i * stride - before;
      const valid = Math.min(start + window, size) - Math.max(start, 0);
      return Math.max(valid, 1) / window;
    })
  );
  if (fractions.every((along) => along.every((fraction) => fraction === 1))) {
    return dy;
  }
  const all = fractions.reduce(
    (product, along) =>
      product.flatMap((p) => along.map((fraction) => p * fraction)),
    [1],
  );
  return apply(dy, tf.tensor(all, [1, ...axes.map(({ out }) => out), 1]));
}

/** The same pooling with its padding written out, because `AvgPoolGrad` does not round. */
function floored(shape: number[], attrs: PoolAttrs): PoolAttrs {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  if (!dimRoundingMode || typeof pad === "string") return attrs;
  const [height, width] = axes2D(shape, attrs).map((axis) =>
    [axis.before, after(axis)] as [number, number]
  ) as [[number, number], [number, number]];
  return { filterSize, strides, pad: [[0, 0], height, width, [0, 0]] };
}

function axes2D(shape: number[], attrs: PoolAttrs): Axis[] {
  return planeOf(tf.backend_util.computePool2DInfo(
    shape as Shape4D,
    attrs.filterSize,
    attrs.strides,
    1,
    byAxis(attrs.pad),
    attrs.dimRoundingMode,
  ));
}

function axes3D(shape: number[], attrs: PoolAttrs): Axis[] {
  const { filterSize, strides, pad, dimRoundingMode } =
    attrs as unknown as tf.AvgPool3DAttrs;
  const window = typeof filterSize === "number"
    ? [filterSize, filterSize, filterSize]
    : filterSize;
  return volumeOf(tf.backend_util.computePool3DInfo(
    seenShape(shape, window, { strides, pad }) as Shape5D,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  ));
}
