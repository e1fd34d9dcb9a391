/**
 * Replays a recording on the WebGPU backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { frames } from "../../internal/frames.ts";
import {
  valuesOnHost,
  type WebGpuBackend,
  webGpuBackend,
} from "../webgpu/backend.ts";
import { unpackAll } from "../fusion/webgpu_pack.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import { advance, isAsRecorded, withTensors } from "./outcome.ts";
import {
  addProgram,
  type Program,
  type Readiness,
  removeProgram,
} from "./program.ts";
import { Steps } from "./webgpu_encode.ts";
import { feed, valuesOf } from "./webgpu_memory.ts";
import type { GpuRecord, GpuSlot } from "./webgpu_recorded.ts";
import { Room } from "./webgpu_room.ts";

/** A tensor that outlives runs, as the program expects it. */
interface Holding {
  readonly slot: GpuSlot;
  readonly now: readonly (() => tf.TensorInfo)[];
  readonly isShared: boolean;
  readonly isWritten: boolean;
  x: tf.TensorInfo;
}

/** A state that runs write. */
interface Target {
  readonly state: object;
  readonly slot: GpuSlot;
  readonly shape: number[];
  readonly dtype: tf.DataType;
}

/** Devices that were lost. */
const lost = new WeakSet<GPUDevice>();

/** A recording that can be run. */
export class WebGpuProgram implements Program {
  readonly #record: GpuRecord;
  readonly #backend: WebGpuBackend = webGpuBackend();
  readonly #room: Room;
  readonly #steps: Steps;
  readonly #holdings: readonly Holding[];
  readonly #targets: readonly Target[];
  readonly #arguments: (GpuSlot | undefined)[] = [];
  #isDisposed = false;

  /** Build the program of `record`, whose captured tensors it releases in the end. */
  constructor(record: GpuRecord) {
    this.#record = record;
    const { device } = this.#backend;
    void device.lost.then(() => lost.add(device));
    this.#room = new Room(device, record);
    this.#holdings = record.slots.flatMap((slot): Holding[] => {
      const { source } = slot;
      if (source.kind !== "held") return [];
      const { now, isShared, isWritten } = source;
      return [{ slot, now, isShared, isWritten, x: now[0]!() }];
    });
    this.#targets = record.written.map(([state, slot]) => {
      const { shape, dtype } = frames.peek(state) as tf.Tensor;
      return { state, slot, shape, dtype };
    });
    for (const slot of record.slots) {
      const { source } = slot;
      if (source.kind === "argument" && this.#room.has(slot)) {
        this.#arguments[source.index] = slot;
      }
    }
    for (const holding of this.#holdings) this.#put(holding, holding.x);
    this.#steps = new Steps(device, record.commands, this.#at);
    addProgram(this);
  }

  /** Bytes of buffers for temporaries, arguments and constants. */
  get bytes(): number {
    return this.#room.bytes;
  }

  /** How many commands each run gives. */
  get operations(): number {
    return this.#record.commands.length;
  }

  /** What JavaScript computes in each run. */
  get inJavaScript(): readonly string[] {
    const { host, slots } = this.#record;
    return [
      ...host.map((step) => typeof step === "function" ? "effect" : "fusion"),
      ...slots.flatMap(({ source }) => source.kind === "draw" ? "random" : []),
    ];
  }

  /** Whether a transaction can take back all that a run writes. */
  get canBeUndone(): boolean {
    return !this.#holdings.some(({ isWritten }) => isWritten);
  }

  /** Whether it can be run on the states as they are now. */
  check(): Readiness {
    const { device } = this.#backend;
    const isGone = this.#isDisposed || lost.has(device) ||
      webGpuBackend() !== this.#backend;
    if (isGone || !isAsRecorded(this.#record)) return "outdated";
    unpackAll(this.#backend);
    for (const target of this.#targets) {
      const x = frames.peek(target.state) as tf.Tensor;
      if (!isAlike(x, target)) return "outdated";
    }
    const moved = new Set<GpuSlot>();
    let isShared = false;
    for (const holding of this.#holdings) {
      const { now } = holding, x = now[0]!();
      for (let i = 1; i < now.length; i++) {
        if (now[i]!().dataId !== x.dataId) return "outdated";
      }
      if (x !== holding.x) {
        if (!isAlike(x, holding.x)) return "outdated";
        if (x.dataId !== holding.x.dataId) {
          if (holding.isShared) return "outdated";
          this.#put(holding, x);
          moved.add(holding.slot);
        }
        holding.x = x;
      }
      if (holding.isWritten) isShared ||= this.#isShared(x.dataId);
    }
    if (moved.size > 0) this.#steps.bind(moved);
    return isShared ? "eager" : "ready";
  }

  /** Put a tensor on the device, where runs may write it. */
  #put({ isWritten }: Holding, { dataId }: tf.TensorInfo): void {
    this.#backend.uploadToGPU(dataId);
    if (isWritten) this.#backend.own(dataId);
  }

  /** Whether data must stay as it is: for a clone, or for a read that is under way. */
  #isShared(dataId: object): boolean {
    const { refCount } = this.#backend.tensorMap.get(dataId);
    return refCount > 1 || isBeingRead(dataId);
  }

  /** Run it on tensors of the recorded shapes. */
  run(args: readonly tf.Tensor[]): unknown {
    const { outputs, streams, result, consumed, inspections } = this.#record;
    const backend = this.#backend;
    for (const { index, look } of inspections) {
      const values = valuesOnHost(args[index]!);
      if (values) look(values as tf.TypedArray);
    }
    this.#room.refresh(backend.queue);
    args.forEach((x, i) => {
      const slot = this.#arguments[i];
      if (slot) feed(backend, x, this.#room.at(slot)!.buffer);
    });
    const encoder = backend.openEncoder();
    this.#steps.encode(encoder);
    for (const { slot, isWritten, x } of this.#holdings) {
      if (isWritten && slot.bytes > 0) {
        backend.tensorMap.get(x.dataId).values = null;
      }
    }
    const tensors = outputs.map(({ buffer, shape, dtype }) =>
      this.#newTensor(encoder, buffer, shape, dtype)
    );
    this.#keepWritten(encoder);
    backend.submitQueue();
    advance(streams);
    for (let i = 0; i < args.length; i++) if (consumed[i]) args[i]!.dispose();
    return withTensors(result, tensors);
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
    to: GPUBuffer,
    bytes: number,
  ): void {
    const { buffer, offset } = this.#at(slot);
    encoder.copyBufferToBuffer(buffer, offset, to, 0, bytes);
  }

  /** Put what was computed into the states and optimizers that hold it. */
  #keepWritten(encoder: GPUCommandEncoder): void {
    // What states held before, first: it may be about to be overwritten.
    const staged = this.#targets.map(({ slot, shape, dtype }) =>
      slot.source.kind === "held"
        ? this.#newTensor(encoder, slot, shape, dtype)
        : undefined
    );
    this.#targets.forEach(({ state, slot, shape, dtype }, i) => {
      const { dataId } = frames.peek(state) as tf.Tensor;
      const isNew = staged[i] || slot.bytes === 0 || frames.open.length > 0 ||
        this.#isShared(dataId);
      if (isNew) {
        const next = staged[i] ?? this.#newTensor(encoder, slot, shape, dtype);
        (state as { value: tf.Tensor }).value = next;
        next.dispose();
        return;
      }
      this.#overwrite(encoder, slot, dataId);
    });
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

  /** Free its memory, and let go of what the recording captured. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#room.dispose();
    this.#record.release();
    removeProgram(this);
  }

  /** Where a slot is. */
  readonly #at = (slot: GpuSlot): { buffer: GPUBuffer; offset: number } => {
    const place = this.#room.at(slot);
    if (place) return place;
    const { source } = slot;
    if (source.kind !== "held") throw new Error("A slot has no place");
    const { dataId } = source.now[0]!();
    const { resource } = this.#backend.tensorMap.get(dataId);
    return { buffer: resource!, offset: 0 };
  };
}

/** Whether tensors have the same dtype and shape. */
function isAlike(
  x: tf.TensorInfo,
  { shape, dtype }: Pick<Target, "shape" | "dtype">,
): boolean {
  return x.dtype === dtype && tf.util.arraysEqual(x.shape, shape);
}
