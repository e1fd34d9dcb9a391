/**
 * Measures the kernels of the current backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Meter } from "../internal/metering.ts";

/** Lets the kernels of the current backend run under `meter`; returns what ends it. */
export function meterKernels(meter: Meter): () => void {
  const undo = tf.getKernelsForBackend(tf.getBackend()).map((config) => {
    const { kernelName, backendName, kernelFunc: run } = config;
    const kernelFunc: tf.KernelFunc = (args) =>
      meter.run(
        kernelName,
        () => run(args),
        (result) =>
          bytesOf(Object.values(args.inputs).flat()) + bytesOf([result].flat()),
      );
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ ...config, kernelFunc });
    return () => {
      const now = tf.getKernel(kernelName, backendName);
      if (now?.kernelFunc !== kernelFunc) return; // it was replaced meanwhile
      tf.unregisterKernel(kernelName, backendName);
      tf.registerKernel(config);
    };
  });
  return () => {
    for (const restore of undo) restore();
  };
}

/** The bytes of some tensors; an optional one may be missing. */
function bytesOf(infos: readonly (tf.TensorInfo | undefined)[]): number {
  let bytes = 0;
  for (const info of infos) {
    if (!info || info.dtype === "string") continue;
    const { dtype, shape } = info;
    bytes += tf.util.sizeFromShape(shape) * tf.util.bytesPerElement(dtype);
  }
  return bytes;
}
