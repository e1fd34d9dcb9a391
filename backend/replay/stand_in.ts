/**
 * Tensors of the WASM backend that stand for memory of a program, so that a kernel
 * that works in JavaScript can be run on it.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type WasmBackend, wasmBackend } from "../wasm/machine/backend.ts";
import type { KernelParams } from "../../internal/recording.ts";
import type { AddressOf, Buffer, HostWork } from "./recorded.ts";
import { bytesOf, outputsFor } from "./watch.ts";

/** A tensor that a kernel made. */
export interface Made {
  /** Its contents. */
  readonly buffer: Buffer;
  /** Where it was when it was made. */
  readonly address: number;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly dtype: tf.DataType;
}

/**
 * The work of running a kernel again on the memory of a program.
 *
 * @param name The kernel.
 * @param params What it was called with; its inputs are replaced.
 * @param made The tensors it made, in order.
 * @param bufferOf The buffer of an input.
 */
export function kernelAgain(
  name: string,
  params: KernelParams,
  made: readonly Made[],
  bufferOf: (x: tf.TensorInfo) => Buffer,
): HostWork {
  const backend = wasmBackend();
  const kernel = tf.getKernel(name, "wasm");
  const buffers = new Map<tf.TensorInfo, Buffer>();
  for (const x of inputsOf(params)) buffers.set(x, bufferOf(x));
  const prepare = (at: AddressOf) => {
    const own: tf.TensorInfo[] = [];
    const standFor = (
      buffer: Buffer,
      { shape, dtype }: { shape: readonly number[]; dtype: tf.DataType },
    ) => {
      const info = standIn(backend, at(buffer), shape, dtype);
      own.push(info);
      return info;
    };
    const inputs = mapInputs(params, (x) => standFor(buffers.get(x)!, x));
    const outputs = made.map((x) => standFor(x.buffer, x));
    const run = () => {
      outputsFor(outputs, () =>
        kernel.kernelFunc({
          ...params as Parameters<tf.KernelFunc>[0],
          inputs: inputs as tf.NamedTensorInfoMap,
        }));
    };
    const free = () => {
      for (const { dataId } of own) backend.dataIdMap.delete(dataId);
    };
    return Object.assign(run, { free });
  };
  return { kind: "host", prepare };
}

/** The tensors that a kernel reads. */
export function inputsOf({ inputs }: KernelParams): tf.TensorInfo[] {
  return Object.values(inputs).flat().filter((x) => x !== undefined);
}

function mapInputs(
  { inputs }: KernelParams,
  fn: (x: tf.TensorInfo) => tf.TensorInfo,
): KernelParams["inputs"] {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [
      name,
      Array.isArray(x) ? x.map(fn) : x && fn(x as tf.TensorInfo),
    ]),
  );
}

/** Ids of stand-ins; tfjs counts its own from 1. */
let nextId = 2 ** 30;

/** A tensor info for memory that is not its own: it never frees it. */
function standIn(
  backend: WasmBackend,
  memoryOffset: number,
  shape: readonly number[],
  dtype: tf.DataType,
): tf.TensorInfo {
  const dataId = {}, id = nextId++;
  const data = { id, memoryOffset, shape, dtype, refCount: 2 ** 30 };
  backend.dataIdMap.set(dataId, data);
  const size = tf.util.sizeFromShape([...shape]);
  backend.wasm.tfjs.registerTensor(id, size, memoryOffset);
  return { dataId, shape: [...shape], dtype };
}

/** A kept copy of a tensor, with memory of its own. */
export function copyOf(x: tf.Tensor): tf.Tensor {
  const backend = wasmBackend();
  const info = backend.makeOutput(x.shape, x.dtype);
  const copy = tf.engine().makeTensorFromTensorInfo(info);
  const { HEAPU8 } = backend.wasm;
  const from = backend.dataIdMap.get(x.dataId).memoryOffset;
  const to = backend.dataIdMap.get(copy.dataId).memoryOffset;
  HEAPU8.copyWithin(to, from, from + bytesOf(x));
  return tf.keep(copy);
}
