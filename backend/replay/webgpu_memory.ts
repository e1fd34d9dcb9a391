/**
 * Buffers of WebGPU for the contents of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import { deviceValues } from "../webgpu/machine/values.ts";
import type { Bytes, Command, GpuSlot } from "./webgpu_recorded.ts";

/** A part of a buffer. */
export interface Place {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** Bytes before the part. */
  readonly offset: number;
}

/** The bytes of a tensor on the device, where each element has four. */
export function bytesOf({ shape }: tf.TensorInfo): number {
  return 4 * tf.util.sizeFromShape(shape);
}

/** A copy of values as the device has them. */
export function wordsOf(values: ArrayLike<number>, dtype: string): Bytes {
  const Words = dtype === "float32" ? Float32Array : Int32Array;
  return new Uint8Array(new Words(values).buffer);
}

/** The values of `bytes`, as tfjs has them in the computer's memory. */
export function valuesOf({ buffer }: Bytes, dtype: string): tf.TypedArray {
  if (dtype === "float32") return new Float32Array(buffer.slice(0));
  const words = new Int32Array(buffer.slice(0));
  return dtype === "bool" ? Uint8Array.from(words) : words;
}

/** Put the values of `x` into a place that no pending command uses. */
export function feed(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  { buffer, offset }: Place,
): void {
  const { resource, values, dtype } = backend.tensorMap.get(x.dataId);
  if (resource) {
    backend.openEncoder()
      .copyBufferToBuffer(resource, 0, buffer, offset, bytesOf(x));
  } else {
    const words = deviceValues(values as tf.TypedArray, dtype);
    backend.queue.writeBuffer(buffer, offset, words);
  }
}

/** A kept copy of a tensor, in a buffer of its own. */
export function copyOnDevice(x: tf.Tensor): tf.Tensor {
  const backend = webGpuBackend();
  const { resource, values } = backend.tensorMap.get(x.dataId);
  const info = backend.makeTensorInfo(
    x.shape,
    x.dtype,
    resource ? undefined : (values as tf.TypedArray | null)?.slice(),
  );
  const { dataId } = info;
  if (x.size > 0) {
    backend.uploadToGPU(dataId);
    backend.own(dataId);
    if (resource) {
      const buffer = backend.tensorMap.get(dataId).resource!;
      feed(backend, x, { buffer, offset: 0 });
    }
  }
  return tf.keep(tf.engine().makeTensorFromTensorInfo(info));
}

/** The slots that a command uses. */
export function slotsOf(command: Command): readonly GpuSlot[] {
  return command.kind === "copy"
    ? [command.from, command.to]
    : command.bindings.map(({ slot }) => slot);
}
