/**
 * Sees the tensors that the WASM backend makes and reads.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WasmBackend } from "../wasm/machine/backend.ts";

/** Told of tensors. */
export interface TensorListener {
  /** Data was made, of `values` or uninitialized. */
  made(
    dataId: object,
    values: tf.TypedArray | null,
    shape: readonly number[],
    dtype: tf.DataType,
  ): void;
  /** Data is read from the device. */
  reads(dataId: object): void;
}

/** Makes data: what all tensors of the backend come from. */
type Write = (
  values: tf.TypedArray | null,
  shape: number[],
  dtype: tf.DataType,
) => object;

/** The methods of the backend that are watched. */
interface Watched extends WasmBackend {
  write: Write;
  readSync: (dataId: object, ...rest: unknown[]) => unknown;
}

/** The listener, if there is one. */
let listener: TensorListener | undefined;
/** Makes data in place of the backend, if that is wanted. */
let supply: Write | undefined;
const watched = new WeakSet<object>();

/** Run `fn` while `next` is told of the tensors of `backend`. */
export function watching<T>(
  backend: WasmBackend,
  next: TensorListener,
  fn: () => T,
): T {
  watch(backend as Watched);
  listener = next;
  try {
    return fn();
  } finally {
    listener = undefined;
  }
}

function watch(backend: Watched): void {
  if (watched.has(backend)) return;
  watched.add(backend);
  const { write, readSync } = backend;
  backend.write = (values, shape, dtype) => {
    if (supply) return supply(values, shape, dtype);
    const dataId = write.call(backend, values, shape, dtype);
    listener?.made(dataId, values, shape, dtype);
    return dataId;
  };
  backend.readSync = (dataId, ...rest) => {
    listener?.reads(dataId);
    return readSync.call(backend, dataId, ...rest);
  };
}

/**
 * Run `fn` while the tensors that it makes are `outputs`, in order.
 *
 * @throws {Error} If it makes others.
 */
export function outputsFor(
  outputs: readonly tf.TensorInfo[],
  fn: () => void,
): void {
  const { dataIdMap, wasm } = tf.backend() as unknown as WasmBackend;
  let count = 0;
  supply = (values, shape, dtype) => {
    const out = outputs[count++];
    if (out?.dtype !== dtype || !tf.util.arraysEqual(out.shape, shape)) {
      throw new Error("Cannot replay: a kernel has made other tensors");
    }
    if (values) {
      const bytes = bytesOf(out);
      wasm.HEAPU8.set(
        new Uint8Array(values.buffer, values.byteOffset, bytes),
        dataIdMap.get(out.dataId).memoryOffset,
      );
    }
    return out.dataId;
  };
  try {
    fn();
  } finally {
    supply = undefined;
  }
}

/** The bytes of a tensor. */
export function bytesOf(x: tf.TensorInfo): number {
  return tf.util.sizeFromShape(x.shape) * tf.util.bytesPerElement(x.dtype);
}
