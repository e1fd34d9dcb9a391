/**
 * Buffers of WebGPU for the contents of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import { writtenBy } from "../webgpu/machine/pipelines.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import type { Effects } from "./needed.ts";
import type { Bytes, Command, GpuRecord, GpuSlot } from "./webgpu_recorded.ts";

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

/** A kept copy of a tensor, in a buffer of its own. */
export function copyOnDevice(x: tf.Tensor): tf.Tensor {
  const backend = webGpuBackend();
  const { resource, values } = backend.tensorMap.get(x.dataId);
  // Kernels look for the values of an empty tensor, even if it is on the device.
  const known = x.size === 0 && x.dtype !== "string"
    ? tf.util.getTypedArrayFromDType(x.dtype, 0)
    : resource
    ? undefined
    : (values as tf.TypedArray | null)?.slice();
  const info = backend.makeTensorInfo(x.shape, x.dtype, known);
  const { dataId } = info;
  if (x.size > 0) {
    backend.uploadToGPU(dataId);
    backend.own(dataId);
    if (resource) {
      const to = backend.tensorMap.get(dataId).resource!;
      backend.openEncoder()
        .copyBufferToBuffer(resource, 0, to, 0, bytesOf(x));
    }
  }
  return tf.keep(tf.engine().makeTensorFromTensorInfo(info));
}

/** Whether data must stay as it is: for a clone, or for a read that is under way. */
export function isShared(backend: WebGpuBackend, dataId: object): boolean {
  const { refCount } = backend.tensorMap.get(dataId);
  return refCount > 1 || isBeingRead(dataId);
}

/** The slots that a command uses. */
export function slotsOf(command: Command): readonly GpuSlot[] {
  return command.kind === "copy"
    ? [command.from, command.to]
    : command.bindings.map(({ slot }) => slot);
}

/** A command, and what it does to slots. */
export interface GpuOperation extends Effects<GpuSlot> {
  readonly command: Command;
}

/** What a command does to slots; what it writes, it may read before. */
export function effectsOf(command: Command): GpuOperation {
  const reads = new Set<GpuSlot>(), writes = new Set<GpuSlot>();
  if (command.kind === "copy") {
    reads.add(command.from);
    writes.add(command.to);
  } else {
    const written = writtenBy(command.pipeline);
    for (const { binding, slot } of command.bindings) {
      reads.add(slot);
      if (written?.has(binding) ?? true) writes.add(slot);
    }
  }
  return { command, reads, writes, isLive: false };
}

/** The slots that commands write. */
export function writtenSlots(commands: readonly Command[]): Set<GpuSlot> {
  return new Set(commands.flatMap((command) => [...effectsOf(command).writes]));
}

/** The slots that are needed after a run. */
export function keptSlots({ outputs, written, kept }: GpuRecord): Set<GpuSlot> {
  return new Set([
    ...outputs.map(({ buffer }) => buffer),
    ...written.map(([, slot]) => slot),
    ...kept.map(([, slot]) => slot),
  ]);
}
