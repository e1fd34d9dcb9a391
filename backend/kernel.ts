/**
 * Kernels: the functions of a backend, found by name.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { isNested } from "../internal/engine.ts";

/** A tfjs kernel's function, with what is passed to it. */
export type KernelFunc = tf.KernelFunc;

/** What each kernel that we registered corrects in the one that was there. */
const corrected = new WeakMap<KernelFunc, ReadonlySet<string>>();

/**
 * Replaces a kernel by one that may call the one that is there. Doing it again for
 * the same reason does nothing, and a kernel that the backend lacks is left alone.
 *
 * @param reason What is corrected: different corrections of a kernel add up.
 */
export function replaceKernel(
  backendName: string,
  kernelName: string,
  wrap: (shipped: KernelFunc) => KernelFunc,
  reason = "",
): void {
  const config = tf.getKernel(kernelName, backendName);
  if (!config) return;
  const reasons = corrected.get(config.kernelFunc) ?? new Set();
  if (reasons.has(reason)) return;
  const kernelFunc = wrap(config.kernelFunc);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...config, kernelFunc });
  corrected.set(kernelFunc, new Set([...reasons, reason]));
}

/** Adds a kernel of ours, unless the backend has it. */
export function addKernel(
  backendName: string,
  kernelName: string,
  kernelFunc: KernelFunc,
): void {
  if (tf.getKernel(kernelName, backendName)) return;
  tf.registerKernel({ kernelName, backendName, kernelFunc });
}

/** Whether the current backend has a kernel of that name. */
export function hasKernel(kernelName: string): boolean {
  return tf.getKernel(kernelName, tf.getBackend()) !== undefined;
}

let isComposing = false;

/**
 * Runs `fn` with kernels of ours composed of tfjs' ops, as on a backend that has none
 * of ours: for whoever has to know each kernel that is run.
 */
export function composing<T>(fn: () => T): T {
  const outer = isComposing;
  isComposing = true;
  try {
    return fn();
  } finally {
    isComposing = outer;
  }
}

/** Whether `oneKernel` would run the kernel of that name now. */
export function runsAsOne(kernelName: string): boolean {
  return hasKernel(kernelName) && !isNested() && !isComposing;
}

/**
 * Run one kernel of ours where the current backend has it, else the same composed
 * of tfjs' ops. The kernel has no second derivative, so `composed` runs inside a
 * nested gradient too.
 */
export function oneKernel<T>(
  kernelName: string,
  kernel: () => T,
  composed: () => T,
): T {
  return runsAsOne(kernelName) ? kernel() : composed();
}

/** Run a kernel by name on the current backend. */
export function runKernel<T extends tf.Tensor = tf.Tensor>(
  kernelName: string,
  inputs: Record<string, tf.Tensor>,
  attrs: object = {},
): T {
  return tf.engine().runKernel(
    kernelName,
    inputs,
    attrs as tf.NamedAttrMap,
  ) as T;
}
