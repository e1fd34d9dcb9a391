import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../kernel.ts";
import { maxPool3DGradByAxis } from "../max_pool_3d_grad.ts";
import { broadcastBatches } from "../ops/batches.ts";
import { upcastInputs } from "../types.ts";
import { correctPaddings } from "../windows.ts";

/** What this module uses of tfjs' plain JavaScript backend. */
interface CpuBackend {
  readonly data: { get(dataId: object): { readonly values: tf.TypedArray } };
  makeTensorInfo(
    shape: number[],
    dtype: tf.DataType,
    values: tf.TypedArray,
  ): tf.TensorInfo;
}

/** Replaces what is wrong in tfjs' plain JavaScript backend. */
export function registerCpuKernels(): void {
  replaceKernel("cpu", tf.BatchMatMul, broadcastBatches);
  replaceKernel("cpu", tf.TensorScatterUpdate, updateCopy);
  replaceKernel("cpu", tf.UnsortedSegmentSum, () => segmentSum);
  replaceKernel("cpu", tf.MaxPool3DGrad, maxPool3DGradByAxis);
  correctPaddings("cpu");
  upcastInputs("cpu");
}

/** The shipped kernel writes into the tensor that it is given. */
function updateCopy(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const tensor = tf.add(args.inputs.tensor as tf.Tensor, 0);
    const y = shipped({ ...args, inputs: { ...args.inputs, tensor } });
    tensor.dispose();
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
