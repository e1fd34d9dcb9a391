import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../kernel.ts";
import { maxPool3DGradByAxis } from "../max_pool_3d_grad.ts";
import { broadcastBatches } from "../ops/batches.ts";
import { guardKernels } from "../guards/mod.ts";
import type { CpuBackend } from "./backend.ts";
import { registerCrossEntropy } from "./cross_entropy.ts";

/** Replaces what is wrong in tfjs' plain JavaScript backend. */
export function registerCpuKernels(): void {
  replaceKernel("cpu", tf.BatchMatMul, broadcastBatches);
  replaceKernel("cpu", tf.TensorScatterUpdate, updateCopy);
  replaceKernel("cpu", tf.UnsortedSegmentSum, () => segmentSum);
  replaceKernel("cpu", tf.Sign, (shipped) => each(shipped, sign));
  replaceKernel("cpu", tf.Erf, (shipped) => each(shipped, erf));
  replaceKernel("cpu", tf.Elu, (shipped) => each(shipped, elu));
  replaceKernel("cpu", tf.Selu, (shipped) => each(shipped, selu));
  // Through float32 integers are exact up to 2^24 only.
  replaceKernel("cpu", tf.Abs, (shipped) => each(shipped, Math.abs, "int32"));
  replaceKernel("cpu", tf.Square, (shipped) => each(shipped, square, "int32"));
  replaceKernel("cpu", tf.Cast, roundToFloats);
  replaceKernel("cpu", tf.MaxPool3DGrad, maxPool3DGradByAxis);
  registerCrossEntropy();
  guardKernels("cpu", {
    read: (x) =>
      (tf.backend() as unknown as CpuBackend).data.get(x.dataId).values,
  });
}

/** The shipped kernel writes into the tensor that it is given. */
function updateCopy(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const { dataId, shape, dtype } = args.inputs["tensor"] as tf.TensorInfo;
    const backend = args.backend as CpuBackend;
    const copy = backend.data.get(dataId).values.slice();
    const tensor = backend.makeTensorInfo(shape, dtype, copy);
    const y = shipped({ ...args, inputs: { ...args.inputs, tensor } });
    backend.disposeData(tensor.dataId);
    return y;
  };
}

/**
 * One pass over the rows. The shipped kernel makes five passes over all of them
 * for each segment, so that the gradient of an embedding takes minutes.
 */
function segmentSum(args: Parameters<KernelFunc>[0]): tf.TensorInfo {
  const { x, segmentIds } = args.inputs as Record<string, tf.TensorInfo>;
  const { numSegments } = args.attrs as unknown as tf.UnsortedSegmentSumAttrs;
  const backend = args.backend as CpuBackend;
  const rest = x!.shape.slice(segmentIds!.shape.length);
  const width = tf.util.sizeFromShape(rest);
  const values = backend.data.get(x!.dataId).values;
  const ids = backend.data.get(segmentIds!.dataId).values;
  const sums = tf.util.getTypedArrayFromDType(
    x!.dtype as "float32",
    numSegments * width,
  );
  ids.forEach((segment, row) => {
    if (segment < 0 || segment >= numSegments) return;
    for (let i = 0; i < width; i++) {
      sums[segment * width + i]! += values[row * width + i]!;
    }
  });
  return backend.makeTensorInfo([numSegments, ...rest], x!.dtype, sums);
}

/** A function of one type; others are left to the shipped kernel. */
function each(
  shipped: KernelFunc,
  fn: (x: number) => number,
  dtype: tf.DataType = "float32",
): KernelFunc {
  return (args) => {
    const x = args.inputs["x"] as tf.TensorInfo;
    if (x.dtype !== dtype) return shipped(args);
    const backend = args.backend as CpuBackend;
    const values = backend.data.get(x.dataId).values as Float32Array;
    return backend.makeTensorInfo(x.shape, dtype, values.map(fn));
  };
}

/** The shipped kernel keeps integers past 2^24, which no float32 is. */
function roundToFloats(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs["x"] as tf.TensorInfo;
    if (x.dtype !== "int32" || args.attrs!["dtype"] !== "float32") {
      return shipped(args);
    }
    const backend = args.backend as CpuBackend;
    const floats = Float32Array.from(backend.data.get(x.dataId).values);
    return backend.makeTensorInfo(x.shape, "float32", floats);
  };
}

/** The product of an integer with itself, modulo 2^32. */
function square(x: number): number {
  return Math.imul(x, x);
}

/** The shipped kernel subtracts 1 from what is rounded to it. */
function elu(x: number): number {
  return x < 0 ? Math.expm1(x) : x;
}

/** As {@linkcode elu}. */
function selu(x: number): number {
  const scale = 1.0507009873554805, alpha = 1.6732632423543772;
  return scale * (x < 0 ? alpha * Math.expm1(x) : x);
}

/** The shipped kernel makes 0 of NaN. */
function sign(x: number): number {
  return Math.sign(x);
}

/** Norbert Juffa's polynomials for single precision; the shipped ones err by 1e-7. */
function erf(x: number): number {
  const t = Math.min(Math.abs(x), 4), s = t * t;
  if (t <= 0.927734375) {
    const p = polynomial(s, [
      -5.96761703e-4,
      4.99119423e-3,
      -2.67681349e-2,
      1.12819925e-1,
      -3.76125336e-1,
      1.28379166e-1,
    ]);
    return p * x + x;
  }
  const p = polynomial(t, [
    -1.72853470e-5,
    3.83197126e-4,
    -3.88396438e-3,
    2.42546219e-2,
    -1.06777877e-1,
    -6.34846687e-1,
    -1.28717512e-1,
  ]);
  return Math.sign(x) * -Math.expm1(p * t - t);
}

/** `c[0] x^(n-1) + ... + c[n-1]` */
function polynomial(x: number, coefficients: readonly number[]): number {
  return coefficients.reduce((sum, c) => sum * x + c, 0);
}
