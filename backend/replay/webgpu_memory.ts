/**
 * Buffers of WebGPU for the contents of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import { deviceValues } from "../webgpu/machine/values.ts";
import type { Bytes, Command, GpuSlot } from "./webgpu_recorded.ts";

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

/** Put the values of `x` into `target`, which no pending command uses. */
export function feed(
  backend: WebGpuBackend,
  x: tf.TensorInfo,
  target: GPUBuffer,
): void {
  const { resource, values, dtype } = backend.tensorMap.get(x.dataId);
  if (resource) {
    backend.openEncoder()
      .copyBufferToBuffer(resource, 0, target, 0, bytesOf(x));
  } else {
    const words = deviceValues(values as tf.TypedArray, dtype);
    backend.queue.writeBuffer(target, 0, words);
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
    if (resource) feed(backend, x, backend.tensorMap.get(dataId).resource!);
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
 * @param commands The commands of a program, in order.
 * @param lasting Slots that are used after the last command.
 * @returns The number of the buffer of each temporary, and the sizes of the buffers.
 */
export function shareBuffers(
  commands: readonly Command[],
  lasting: ReadonlySet<GpuSlot>,
): { numbers: ReadonlyMap<GpuSlot, number>; sizes: readonly number[] } {
  const ends = new Map<GpuSlot, number>();
  commands.forEach((command, i) => {
    for (const slot of slotsOf(command)) {
      if (slot.source.kind === "temporary") ends.set(slot, i);
    }
  });
  for (const slot of lasting) {
    if (slot.source.kind === "temporary") ends.set(slot, Infinity);
  }
  const sizes: number[] = [];
  const numbers = new Map<GpuSlot, number>();
  const free: number[] = [];
  commands.forEach((command, i) => {
    const used = new Set(slotsOf(command));
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
