/**
 * Kernels of empty tensors, the same on every backend: what a sum, a product, a
 * maximum or a mean of no numbers is.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "./kernel.ts";

/** What reductions of nothing give. */
const REDUCTIONS: Readonly<Record<string, number>> = {
  [tf.All]: 1,
  [tf.Any]: 0,
  [tf.ArgMax]: 0,
  [tf.ArgMin]: 0,
  [tf.Max]: -Infinity,
  [tf.Mean]: NaN,
  [tf.Min]: Infinity,
  [tf.Prod]: 1,
  [tf.Sum]: 0,
};

/** Let a backend's kernels take empty tensors. */
export function acceptEmpty(backendName: string): void {
  for (const [name, value] of Object.entries(REDUCTIONS)) {
    replaceKernel(
      backendName,
      name,
      (shipped) => reduceNothing(shipped, name, value),
      "empty",
    );
  }
  replaceKernel(backendName, tf.Softmax, (shipped) => (args) => {
    const { shape } = args.inputs["logits"] as tf.TensorInfo;
    return shape.includes(0) ? tf.zeros(shape) : shipped(args);
  }, "empty");
  replaceKernel(backendName, tf.UnsortedSegmentSum, (shipped) => (args) => {
    const { x, segmentIds } = args.inputs as Record<string, tf.TensorInfo>;
    if (!x!.shape.includes(0)) return shipped(args);
    const rest = x!.shape.slice(segmentIds!.shape.length);
    const count = args.attrs!["numSegments"] as number;
    return tf.zeros([count, ...rest], x!.dtype as "float32");
  }, "empty");
}

function reduceNothing(
  shipped: KernelFunc,
  name: string,
  value: number,
): KernelFunc {
  return (args) => {
    const { shape, dtype } = args.inputs["x"] as tf.TensorInfo;
    if (!shape.includes(0)) return shipped(args);
    const { axis, reductionIndices, keepDims } = args.attrs as unknown as {
      axis?: number | number[];
      reductionIndices?: number | number[];
      keepDims?: boolean;
    };
    const axes = tf.util.parseAxisParam(reductionIndices ?? axis!, shape);
    const kept = shape.flatMap((n, i) =>
      axes.includes(i) ? keepDims ? [1] : [] : [n]
    );
    return fill(kept, value, resultType(name, dtype));
  };
}

function resultType(name: string, dtype: tf.DataType): tf.DataType {
  if (name === tf.ArgMax || name === tf.ArgMin) return "int32";
  if (name === tf.Mean) return "float32";
  const sums = name === tf.Sum || name === tf.Prod;
  return sums && dtype === "bool" ? "int32" : dtype;
}

/** The nearest value that the type has. */
function fill(shape: number[], value: number, dtype: tf.DataType): tf.Tensor {
  const nearest = dtype === "int32"
    ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value))
    : dtype === "bool"
    ? Number(value > 0)
    : value;
  return tf.fill(shape, nearest, dtype as "float32");
}
