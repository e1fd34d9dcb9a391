/**
 * Buffers of WebGPU for the contents of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import { deviceValues } from "../webgpu/machine/values.ts";
import type { Columns } from "./webgpu_columns.ts";
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

/**
 * Places temporaries whose lives do not meet in the same buffer. A shader must not
 * read and write one buffer, so they have buffers of their own rather than parts of
 * a large one.
 *
 * @param columns The commands of a program, in order; what lies in a column has its
 * place, and columns that last have no part in it.
 * @param results Slots that are used after the last command.
 * @returns The number of the buffer of each temporary, and the sizes of the buffers.
 */
export function shareBuffers(
  { commands, homes, lasting }: Columns,
  results: ReadonlySet<GpuSlot>,
): { numbers: ReadonlyMap<GpuSlot, number>; sizes: readonly number[] } {
  const usedBy = commands.map((command) =>
    new Set(slotsOf(command).map((slot) => homes.get(slot)?.column ?? slot))
  );
  const ends = new Map<GpuSlot, number>();
  const use = (slot: GpuSlot, i: number) => {
    const isShared = slot.source.kind === "temporary" && !lasting.has(slot);
    if (isShared) ends.set(slot, i);
  };
  usedBy.forEach((used, i) => {
    for (const slot of used) use(slot, i);
  });
  for (const slot of results) use(homes.get(slot)?.column ?? slot, Infinity);
  const sizes: number[] = [];
  const numbers = new Map<GpuSlot, number>();
  const free: number[] = [];
  usedBy.forEach((used, i) => {
    for (const slot of used) {
      if (ends.has(slot) && !numbers.has(slot)) {
        numbers.set(slot, take(slot.bytes));
      }
    }
    for (const slot of used) {
      if (ends.get(slot) === i) free.push(numbers.get(slot)!);
    }
  });
  for (const slot of ends.keys()) {
    if (!numbers.has(slot)) numbers.set(slot, sizes.push(slot.bytes) - 1);
  }
  return { numbers, sizes };

  /** The smallest free buffer that is at most twice as large, or a new one. */
  function take(bytes: number): number {
    let best = -1;
    free.forEach((number, i) => {
      const size = sizes[number]!;
      const isBetter = best < 0 || size < sizes[free[best]!]!;
      if (size >= bytes && size <= 2 * bytes && isBetter) best = i;
    });
    if (best < 0) return sizes.push(bytes) - 1;
    return free.splice(best, 1)[0]!;
  }
}
