/**
 * Fusion: elementwise math, recorded once and run by the backend that holds the
 * tensors.
 *
 * @module
 */
import type { Tensors } from "../../tensors.ts";
import { currentBackend } from "../backends.ts";
import { runComposed } from "./composed.ts";
import { metering } from "../../internal/metering.ts";
import type { Launch } from "./kernel.ts";
import { bytesOf, nameOf } from "./measured.ts";

export {
  Expr,
  type Extent,
  type Head,
  type Op,
  rewrite,
  topological,
} from "./expr.ts";
export {
  type Kernel,
  kernelOf,
  type Launch,
  type Output,
  type Row,
  type RunLaunches,
  sameShape,
} from "./kernel.ts";

let compiles = true;

/** Run `fn` with every kernel as tfjs ops, on any backend: for comparison. */
export async function withoutFusion<T>(
  fn: () => T | Promise<T>,
): Promise<T> {
  const before = compiles;
  compiles = false;
  try {
    return await fn();
  } finally {
    compiles = before;
  }
}

/**
 * Run kernels on the current backend, as {@linkcode RunLaunches} says. Backends
 * without a compiler run them as tfjs ops, which overwrite nothing.
 */
export function runLaunches(launches: readonly Launch[]): Tensors[][] {
  const compiled = compiles ? currentBackend()?.runLaunches : undefined;
  const run = compiled ?? runComposed;
  const { now } = metering;
  if (!now) return run(launches);
  return now.run(
    nameOf(launches),
    () => run(launches),
    () => bytesOf(launches),
  );
}

/** Whether the current backend can overwrite a tensor that others may be reading. */
export function canOverwrite(): boolean {
  return currentBackend()?.canOverwrite ?? true;
}
