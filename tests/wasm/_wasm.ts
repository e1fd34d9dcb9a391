/**
 * What tests of our WASM kernels share: random tensors, and memory whose
 * surroundings are watched.
 */
import * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import { useBackend } from "../../backend/mod.ts";

/** Start WASM; most tests need one thread. */
export async function useWasm(threads = 1): Promise<void> {
  await useBackend("wasm", { threads });
}

/** Numbers in [0, 1), the same every time: mulberry32. */
export function random(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `n` floats between `low` and `high`. */
export function floats(
  n: number,
  next: () => number,
  low = -1,
  high = 1,
): Float32Array {
  return Float32Array.from({ length: n }, () => low + (high - low) * next());
}

const GUARD = 64;

/**
 * Run `fn` with poisoned memory (every byte 255: NaN, -1) and guard zones around
 * each allocation, and throw if a byte of them changed.
 */
export function guarded(fn: () => void): void {
  const { wasm } = wasmBackend();
  const { _malloc: malloc, _free: release } = wasm;
  const live = new Map<number, number>();
  const check = (at: number, bytes: number) => {
    const heap = wasm.HEAPU8;
    const zone = (from: number) => heap.subarray(from, from + GUARD);
    for (
      const [side, from] of [["before", at - GUARD], [
        "past",
        at + bytes,
      ]] as const
    ) {
      if (zone(from).some((byte) => byte !== 0xa5)) {
        throw new Error(`a kernel wrote ${side} a block of ${bytes} bytes`);
      }
    }
  };
  wasm._malloc = (bytes) => {
    const at = (malloc(bytes + 2 * GUARD) >>> 0) + GUARD;
    const heap = wasm.HEAPU8;
    heap.fill(0xa5, at - GUARD, at + bytes + GUARD);
    heap.fill(0xff, at, at + bytes);
    live.set(at, bytes);
    return at;
  };
  wasm._free = (at) => {
    const bytes = live.get(at >>> 0);
    if (bytes === undefined) return release(at);
    check(at >>> 0, bytes);
    live.delete(at >>> 0);
    release((at >>> 0) - GUARD);
  };
  try {
    // Nothing made inside may live on: its memory is not malloc's.
    tf.tidy(() => {
      fn();
      for (const [at, bytes] of live) check(at, bytes);
    });
  } finally {
    wasm._malloc = malloc;
    wasm._free = release;
  }
}

/** The values of a tensor, read at once: WASM can. */
export function values(x: tf.Tensor): number[] {
  return [...x.dataSync()];
}

/** A float32 tensor of random numbers between -1 and 1. */
export function tensor(
  shape: readonly number[],
  next: () => number,
  low = -1,
  high = 1,
): tf.Tensor {
  const n = shape.reduce((x, y) => x * y, 1);
  return tf.tensor(floats(n, next, low, high), [...shape]);
}

/** Run a kernel by name. */
export function kernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: object = {},
): tf.Tensor {
  return tf.engine().runKernel(
    name,
    inputs,
    attrs as tf.NamedAttrMap,
  ) as tf.Tensor;
}

/** A computation of which both backends must have the same opinion. */
export type Case = readonly [
  name: string,
  compute: (next: () => number) => tf.Tensor | tf.Tensor[],
];

/**
 * Assert that WASM, with guarded memory, gives what tfjs' cpu backend gives:
 * shape, type and values.
 */
export async function assertSameAsCpu(
  cases: readonly Case[],
  { tolerance = 1e-5, threads = 1 } = {},
): Promise<void> {
  const all = (compute: Case[1], seed: number) => {
    const result = compute(random(seed));
    return (Array.isArray(result) ? result : [result]).map((x) => ({
      shape: x.shape,
      dtype: x.dtype,
      data: values(x),
    }));
  };
  await useWasm(threads);
  const ours = cases.map(([name, compute], i) => {
    let results: ReturnType<typeof all> = [];
    try {
      guarded(() => results = all(compute, i + 1));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
    return results;
  });
  await useBackend("cpu");
  cases.forEach(([name, compute], i) => {
    const wants = tf.tidy(() => all(compute, i + 1) as unknown as tf.Tensor[]);
    (wants as unknown as ReturnType<typeof all>).forEach((want, j) => {
      const got = ours[i]![j]!;
      if (`${got.shape}` !== `${want.shape}` || got.dtype !== want.dtype) {
        throw new Error(
          `${name}: ${got.dtype}[${got.shape}] instead of ${want.dtype}[${want.shape}]`,
        );
      }
      want.data.forEach((y, k) => {
        const x = got.data[k]!;
        const error = Math.abs(x - y) / Math.max(1, Math.abs(y));
        if (Object.is(x, y) || x === y || error <= tolerance) return;
        throw new Error(
          `${name}: ${x} instead of ${y} at ${k} of [${want.shape}]`,
        );
      });
    });
  });
}

/** The sum of products, in float64. */
export function dot(x: tf.Tensor, y: tf.Tensor): number {
  const b = values(y);
  return values(x).reduce((sum, value, i) => sum + value * b[i]!, 0);
}
