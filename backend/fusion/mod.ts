/**
 * Fusion: elementwise math, recorded once and run by the backend that holds the
 * tensors. A backend is added here, and nowhere else.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Named, Tensors } from "../../tensors.ts";
import { runComposed } from "./composed.ts";
import type { Launch, Run } from "./kernel.ts";
import { runWasm } from "./wasm.ts";
import { runWebGpu } from "./webgpu.ts";

export { Expr, type Extent, type Head, type Op, rewrite } from "./expr.ts";
export {
  type Kernel,
  kernelOf,
  type Launch,
  type Output,
  type Row,
  type Run,
  sameShape,
} from "./kernel.ts";

const RUNNERS: Named<Run> = { wasm: runWasm, webgpu: runWebGpu };

let fuses = true;

/** Whether the current backend runs a kernel in one go. */
export function isFused(): boolean {
  return fuses && tf.getBackend() in RUNNERS;
}

/** Run `fn` with every kernel as tfjs ops, on any backend: for comparison. */
export async function withoutFusion<T>(
  fn: () => T | Promise<T>,
): Promise<T> {
  const before = fuses;
  fuses = false;
  try {
    return await fn();
  } finally {
    fuses = before;
  }
}

/**
 * Run kernels on the current backend, as {@linkcode Run} says. Backends without
 * a compiler run them as tfjs ops, which overwrite nothing.
 */
export function run(launches: readonly Launch[]): Tensors[][] {
  const runner = fuses ? RUNNERS[tf.getBackend()] : undefined;
  return (runner ?? runComposed)(launches);
}

/**
 * Whether a tensor that others may be reading can be overwritten. On WebGPU, where
 * a read takes a while, it would find the new values and keep them for the old.
 */
export function canOverwrite(): boolean {
  return tf.getBackend() !== "webgpu";
}
