/**
 * Kernels of empty tensors, the same on every backend: what a sum, a product, a
 * maximum or a mean of no numbers is.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Detour } from "./guard.ts";

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

/** Kernels that take empty tensors. */
export const EMPTY: Readonly<Record<string, Detour>> = {
  ...Object.fromEntries(
    Object.entries(REDUCTIONS).map((
      [name, value],
    ) => [name, reduceNothing(name, value)]),
  ),
  [tf.Softmax]: (args, run) => {
    const { shape } = args.inputs["logits"] as tf.TensorInfo;
    return shape.includes(0) ? tf.zeros(shape) : run(args);
  },
  // The shipped kernels make a list of no numbers, which others cannot take apart.
  [tf.Concat]: (args, run) => {
    const inputs = Object.values(args.inputs) as tf.TensorInfo[];
    const shapes = inputs.map(({ shape }) => shape), { dtype } = inputs[0]!;
    const isEmpty = shapes.every((shape) => shape.includes(0));
    if (!isEmpty || dtype === "string" || dtype === "complex64") {
      return run(args);
    }
    const [axis] = tf.util.parseAxisParam(
      args.attrs!["axis"] as number,
      shapes[0]!,
    );
    tf.backend_util.assertParamsConsistent(shapes, axis!);
    const shape = tf.backend_util.computeOutShape(shapes, axis!);
    return tf.zeros(shape, dtype as "float32");
  },
  [tf.UnsortedSegmentSum]: (args, run) => {
    const { x, segmentIds } = args.inputs as Record<string, tf.TensorInfo>;
    if (!x!.shape.includes(0)) return run(args);
    const rest = x!.shape.slice(segmentIds!.shape.length);
    const count = args.attrs!["numSegments"] as number;
    return tf.zeros([count, ...rest], x!.dtype as "float32");
  },
};

function reduceNothing(name: string, value: number): Detour {
  return (args, run) => {
    const { shape, dtype } = args.inputs["x"] as tf.TensorInfo;
    if (!shape.includes(0)) return run(args);
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
