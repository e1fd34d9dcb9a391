/**
 * Kernels of images and volumes, whose first axis is a batch already.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { all, byExample, type Call, type Rule, type Rules } from "./call.ts";
import { finished } from "./products.ts";

/**
 * The examples become part of the batch of the `images`. Other inputs, such as filters,
 * must be shared by all examples: else each example is computed alone.
 */
function folded(images: readonly string[], shapeSetting?: string): Rule {
  return (call) => {
    const others = Object.keys(call.inputs)
      .filter((name) => !images.includes(name));
    if (others.some((name) => call.inputs[name]!.isBatched)) {
      return byExample(call);
    }
    const inputs: Record<string, tf.Tensor> = {};
    for (const name of others) inputs[name] = call.inputs[name]!.x;
    for (const name of images) inputs[name] = fold(call, name);
    const attrs = shapeSetting === undefined ? call.attrs : {
      ...call.attrs,
      [shapeSetting]: foldedShape(
        call.size,
        call.attrs[shapeSetting] as number[],
      ),
    };
    const made = runKernel(call.name, inputs, attrs) as tf.Tensor | tf.Tensor[];
    const unfold = (y: tf.Tensor) =>
      tf.reshape(y, [call.size, y.shape[0]! / call.size, ...y.shape.slice(1)]);
    return Array.isArray(made) ? made.map(unfold) : unfold(made);
  };
}

function fold(call: Call, name: string): tf.Tensor {
  const x = all(call, name);
  return tf.reshape(x, foldedShape(call.size, x.shape.slice(1)));
}

function foldedShape(
  size: number,
  [batch, ...rest]: readonly number[],
): number[] {
  return [size * batch!, ...rest];
}

/** A convolution with a bias and an activation, as its parts. */
function fusedConvolution(kernel: string): Rule {
  return (call) => {
    const { x, filter } = call.inputs;
    const { activation: _, leakyreluAlpha: __, ...attrs } = call.attrs;
    const y = folded(["x"])({
      ...call,
      name: kernel,
      inputs: { x: x!, filter: filter! },
      attrs,
    }) as tf.Tensor;
    return finished(call, y);
  };
}

/** `(x - mean) / √(variance + ε) scale + offset`, by channel. */
function batchNorm(call: Call): tf.Tensor {
  const x = all(call, "x");
  const channel = (name: string) => {
    const { shape } = call.inputs[name]!;
    const ones = Array(x.rank - 1 - shape.length).fill(1);
    return tf.reshape(all(call, name), [call.size, ...ones, ...shape]);
  };
  const { varianceEpsilon } = call.attrs as { varianceEpsilon: number };
  const slope = tf.rsqrt(tf.add(channel("variance"), varianceEpsilon));
  const y = tf.mul(tf.sub(x, channel("mean")), slope);
  const scaled = call.inputs["scale"] ? tf.mul(y, channel("scale")) : y;
  return call.inputs["offset"] ? tf.add(scaled, channel("offset")) : scaled;
}

/** The rules. */
export const windows = (): Rules => ({
  AvgPool: folded(["x"]),
  AvgPool3D: folded(["x"]),
  AvgPool3DGrad: folded(["dy", "input"]),
  AvgPoolGrad: folded(["dy", "input"]),
  Conv2D: folded(["x"]),
  Conv2DBackpropFilter: byExample,
  Conv2DBackpropInput: folded(["dy"], "inputShape"),
  Conv3D: folded(["x"]),
  Conv3DBackpropFilterV2: byExample,
  Conv3DBackpropInputV2: folded(["dy"], "inputShape"),
  DepthToSpace: folded(["x"]),
  DepthwiseConv2dNative: folded(["x"]),
  DepthwiseConv2dNativeBackpropFilter: byExample,
  DepthwiseConv2dNativeBackpropInput: folded(["dy"], "inputShape"),
  Dilation2D: folded(["x"]),
  Dilation2DBackpropFilter: byExample,
  Dilation2DBackpropInput: folded(["x", "dy"]),
  FlipLeftRight: folded(["image"]),
  FusedBatchNorm: batchNorm,
  FusedConv2D: fusedConvolution(tf.Conv2D),
  FusedDepthwiseConv2D: fusedConvolution(tf.DepthwiseConv2dNative),
  LRN: folded(["x"]),
  LRNGrad: folded(["x", "y", "dy"]),
  MaxPool: folded(["x"]),
  MaxPool3D: folded(["x"]),
  MaxPool3DGrad: folded(["dy", "input", "output"]),
  MaxPoolGrad: folded(["dy", "input", "output"]),
  ResizeBilinear: folded(["images"]),
  ResizeBilinearGrad: folded(["images", "dy"]),
  ResizeNearestNeighbor: folded(["images"]),
  ResizeNearestNeighborGrad: folded(["images", "dy"]),
  RotateWithOffset: folded(["image"]),
  // The batch is what they change, or count through.
  BatchToSpaceND: byExample,
  CropAndResize: byExample,
  MaxPoolWithArgmax: byExample,
  SpaceToBatchND: byExample,
  Transform: byExample,
});
