import * as tf from "@tensorflow/tfjs-core";

/** A tfjs kernel's function, with what is passed to it. */
export type KernelFunc = tf.KernelFunc;

const replaced = new Map<string, KernelFunc>();

/**
 * Replaces a kernel by one that may call the shipped one. Doing it again does
 * nothing, and a kernel that the backend lacks is left alone.
 */
export function replaceKernel(
  backendName: string,
  kernelName: string,
  wrap: (shipped: KernelFunc) => KernelFunc,
): void {
  const config = tf.getKernel(kernelName, backendName);
  const key = `${backendName} ${kernelName}`;
  if (!config || replaced.get(key) === config.kernelFunc) return;
  const kernelFunc = wrap(config.kernelFunc);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...config, kernelFunc });
  replaced.set(key, kernelFunc);
}
