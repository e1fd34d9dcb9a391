/**
 * Puts what a run computed where it is kept: in new tensors, in states and in optimizers.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { frames } from "../../internal/frames.ts";
import { type WebGpuBackend, webGpuBackend } from "../webgpu/backend.ts";
import { copy, type ReadyCopy } from "./webgpu_encode.ts";
import { isShared, type Place, valuesOf } from "./webgpu_memory.ts";
import type { GpuRecord, GpuSlot } from "./webgpu_recorded.ts";
import type { Resident } from "./webgpu_residents.ts";

/** A state that runs write. */
interface Target {
  readonly state: object;
  readonly slot: GpuSlot;
  readonly shape: number[];
  readonly dtype: tf.DataType;
  /** Where the state's tensor lies in a column, if it does. */
  readonly resident: Resident | undefined;
}

/** What runs write, and what they return. */
export class Results {
  readonly #record: GpuRecord;
  readonly #backend: WebGpuBackend = webGpuBackend();
  readonly #at: (slot: GpuSlot) => Place;
  readonly #targets: readonly Target[];
  /** The copies to all states whose tensors lie in columns. */
  readonly #all: readonly ReadyCopy[];
  /** Fewer copies that do the same, and change what is between the tensors. */
  readonly #merged: readonly ReadyCopy[];

  /**
   * Prepare the results of a recording.
   *
   * @param record The recording.
   * @param at Where a slot is now.
   * @param residentOf The place in a column of a state's tensor, if it has one.
   */
  constructor(
    record: GpuRecord,
    at: (slot: GpuSlot) => Place,
    residentOf: (state: object) => Resident | undefined,
  ) {
    this.#record = record;
    this.#at = at;
    this.#targets = record.written.map(([state, slot]) => {
      const { shape, dtype } = frames.peek(state) as tf.Tensor;
      return { state, slot, shape, dtype, resident: residentOf(state) };
    });
    this.#all = this.#targets.flatMap(({ resident, slot }) =>
      resident && slot.source.kind !== "held"
        ? [copyTo(resident.place, at(slot), slot.bytes)]
        : []
    );
    const { minStorageBufferOffsetAlignment } = this.#backend.device.limits;
    this.#merged = merge(this.#all, minStorageBufferOffsetAlignment);
  }

  /** Whether states hold tensors like those that were recorded. */
  get isCurrent(): boolean {
    return this.#targets.every((target) =>
      isAlike(frames.peek(target.state) as tf.Tensor, target)
    );
  }

  /** Put the results of the commands so far where they belong; what is returned is new. */
  put(encoder: GPUCommandEncoder): tf.Tensor[] {
    const tensors = this.#record.outputs.map(({ buffer, shape, dtype }) =>
      this.#newTensor(encoder, buffer, shape, dtype)
    );
    this.#keepWritten(encoder);
    return tensors;
  }

  /** A tensor with the contents of a slot. */
  #newTensor(
    encoder: GPUCommandEncoder,
    slot: GpuSlot,
    shape: readonly number[],
    dtype: tf.DataType,
  ): tf.Tensor {
    const backend = this.#backend, { source, bytes } = slot;
    const values = source.kind === "constant" && !source.isWritten
      ? valuesOf(source.bytes, dtype)
      : undefined;
    const info = backend.makeTensorInfo([...shape], dtype, values);
    if (!values) {
      backend.uploadToGPU(info.dataId);
      const { resource } = backend.tensorMap.get(info.dataId);
      this.#copy(encoder, slot, resource!, bytes);
    }
    return tf.engine().makeTensorFromTensorInfo(info);
  }

  #copy(
    encoder: GPUCommandEncoder,
    slot: GpuSlot,
    buffer: GPUBuffer,
    bytes: number,
  ): void {
    copy(encoder, copyTo({ buffer, offset: 0 }, this.#at(slot), bytes));
  }

  /** Put what was computed into the states and optimizers that hold it. */
  #keepWritten(encoder: GPUCommandEncoder): void {
    // What states held before, first: it may be about to be overwritten.
    const staged = this.#targets.map(({ slot, shape, dtype }) =>
      slot.source.kind === "held"
        ? this.#newTensor(encoder, slot, shape, dtype)
        : undefined
    );
    const inColumns: Target[] = [];
    this.#targets.forEach((target, i) => {
      const { state, slot, shape, dtype, resident } = target;
      const { dataId } = frames.peek(state) as tf.Tensor;
      const isNew = staged[i] || slot.bytes === 0 || frames.open.length > 0 ||
        (resident?.isShared(dataId) ?? isShared(this.#backend, dataId));
      if (isNew) {
        const next = staged[i] ?? this.#newTensor(encoder, slot, shape, dtype);
        (state as { value: tf.Tensor }).value = next;
        next.dispose();
      } else if (resident?.holds(dataId)) {
        inColumns.push(target);
      } else {
        this.#overwrite(encoder, slot, dataId);
      }
    });
    const copies = inColumns.length === this.#all.length
      ? this.#merged
      : inColumns.map(({ slot, resident }) =>
        copyTo(resident!.place, this.#at(slot), slot.bytes)
      );
    for (const each of copies) copy(encoder, each);
    for (const [now, slot] of this.#record.kept) {
      if (slot.bytes > 0) this.#overwrite(encoder, slot, now().dataId);
    }
  }

  /** Put the contents of a slot into a tensor that nobody shares. */
  #overwrite(encoder: GPUCommandEncoder, slot: GpuSlot, dataId: object): void {
    this.#backend.uploadToGPU(dataId);
    this.#backend.own(dataId);
    const data = this.#backend.tensorMap.get(dataId);
    this.#copy(encoder, slot, data.resource!, slot.bytes);
    data.values = null;
  }
}

function copyTo(to: Place, from: Place, bytes: number): ReadyCopy {
  return { from, to, bytes };
}

/** One copy for those that follow each other in both buffers, up to `align`. */
function merge(copies: readonly ReadyCopy[], align: number): ReadyCopy[] {
  const merged: ReadyCopy[] = [];
  const sorted = copies.toSorted((a, b) => a.to.offset - b.to.offset);
  const last = new Map<GPUBuffer, number>();
  for (const next of sorted) {
    const at = last.get(next.to.buffer);
    const before = at === undefined ? undefined : merged[at]!;
    const size = before && Math.ceil(before.bytes / align) * align;
    const follows = before && before.from.buffer === next.from.buffer &&
      before.from.offset + size! === next.from.offset &&
      before.to.offset + size! === next.to.offset;
    if (follows) {
      merged[at!] = { ...before, bytes: size! + next.bytes };
    } else {
      last.set(next.to.buffer, merged.push(next) - 1);
    }
  }
  return merged;
}

/** Whether tensors have the same dtype and shape. */
export function isAlike(
  x: tf.TensorInfo,
  { shape, dtype }: Pick<tf.TensorInfo, "shape" | "dtype">,
): boolean {
  return x.dtype === dtype && tf.util.arraysEqual(x.shape, shape);
}
