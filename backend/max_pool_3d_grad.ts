import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, runKernel } from "./kernel.ts";

/** Windows along one axis of a volume. */
interface AxisWindows {
  readonly axis: 1 | 2 | 3;
  readonly attrs: {
    readonly filterSize: [number, number];
    readonly strides: [number, number];
    readonly pad: tf.backend_util.ExplicitPadding;
    readonly dimRoundingMode: string | undefined;
  };
  readonly out: number;
}

/**
 * The gradient of `maxPool3d`, where windows are not as high as wide: the largest
 * of a window is the largest of planes, of rows, of cells, each along one axis.
 * tfjs 4.22 mixes up height and width when it counts the cells of a window.
 */
export function maxPool3DGradByAxis(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const { dy, input } = args.inputs as Record<string, tf.Tensor>;
    const attrs = args.attrs as unknown as tf.MaxPool3DGradAttrs;
    const info = tf.backend_util.computePool3DInfo(
      input!.shape as [number, number, number, number, number],
      attrs.filterSize,
      attrs.strides,
      1,
      attrs.pad,
      attrs.dimRoundingMode,
    );
    if (info.filterHeight === info.filterWidth) return shipped(args);
    return tf.tidy(() => {
      const stages = stagesOf(info, attrs.dimRoundingMode);
      const inputs = [input!];
      for (const stage of stages) inputs.push(maximum(inputs.at(-1)!, stage));
      return stages.reduceRight(
        (g, stage, i) => gradient(g, inputs[i]!, inputs[i + 1]!, stage),
        dy!,
      );
    });
  };
}

/** Width, height and depth in turn. */
function stagesOf(
  info: tf.backend_util.Conv3DInfo,
  dimRoundingMode: string | undefined,
): AxisWindows[] {
  const stage = (
    axis: 1 | 2 | 3,
    window: number,
    stride: number,
    before: number,
    size: number,
    out: number,
  ): AxisWindows => {
    const after = Math.max(0, (out - 1) * stride + window - size - before);
    return {
      axis,
      out,
      attrs: {
        filterSize: [1, window],
        strides: [1, stride],
        pad: [[0, 0], [0, 0], [before, after], [0, 0]],
        dimRoundingMode,
      },
    };
  };
  const { padInfo: pad } = info;
  return [
    stage(
      3,
      info.filterWidth,
      info.strideWidth,
      pad.left,
      info.inWidth,
      info.outWidth,
    ),
    stage(
      2,
      info.filterHeight,
      info.strideHeight,
      pad.top,
      info.inHeight,
      info.outHeight,
    ),
    stage(
      1,
      info.filterDepth,
      info.strideDepth,
      pad.front,
      info.inDepth,
      info.outDepth,
    ),
  ];
}

/** An axis as the width of images of one row. */
function asRows(x: tf.Tensor, axis: number): tf.Tensor {
  const outer = tf.util.sizeFromShape(x.shape.slice(0, axis));
  const inner = tf.util.sizeFromShape(x.shape.slice(axis + 1));
  return tf.reshape(x, [outer, 1, x.shape[axis]!, inner]);
}

function maximum(x: tf.Tensor, { axis, attrs, out }: AxisWindows): tf.Tensor {
  const y = runKernel(tf.MaxPool, { x: asRows(x, axis) }, attrs);
  return tf.reshape(y, x.shape.with(axis, out));
}

function gradient(
  dy: tf.Tensor,
  x: tf.Tensor,
  y: tf.Tensor,
  { axis, attrs }: AxisWindows,
): tf.Tensor {
  const inputs = {
    dy: asRows(dy, axis),
    input: asRows(x, axis),
    output: asRows(y, axis),
  };
  return tf.reshape(runKernel(tf.MaxPoolGrad, inputs, attrs), x.shape);
}
