/**
 * Work that replays do in JavaScript.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../wasm/machine/backend.ts";
import type { Buffer, HostWork } from "./recorded.ts";

/** Do what `fn` does. */
export function effect(fn: () => void): HostWork {
  return { kind: "host", prepare: () => fn };
}

/** End the run if the number in `buffer` is not finite. */
export function guard(buffer: Buffer): HostWork {
  const { wasm } = wasmBackend();
  return {
    kind: "host",
    prepare: (at) => {
      const place = at(buffer) >>> 2;
      return () => Number.isFinite(wasm.HEAPF32[place]);
    },
  };
}

/** The arrays of the elements of tensors in memory. */
const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

/** Let `look` see the values of a tensor. */
export function inspection(
  buffer: Buffer,
  { dtype, shape }: tf.TensorInfo,
  look: (values: tf.TypedArray) => void,
): HostWork {
  const { wasm } = wasmBackend();
  const Values = ARRAYS[dtype as keyof typeof ARRAYS];
  const size = tf.util.sizeFromShape(shape);
  return {
    kind: "host",
    prepare: (at) => {
      const address = at(buffer);
      return () => {
        const memory = wasm.HEAPU8.buffer as ArrayBuffer;
        look(new Values(memory, address, size));
      };
    },
  };
}

/** Put numbers into `buffer`. */
export function numbers(buffer: Buffer, now: () => Float32Array): HostWork {
  const { wasm } = wasmBackend();
  return {
    kind: "host",
    prepare: (at) => {
      const place = at(buffer) >>> 2;
      return () => wasm.HEAPF32.set(now(), place);
    },
  };
}
