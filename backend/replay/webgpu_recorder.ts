/**
 * Listens to what a function does on the WebGPU backend.
 *
 * The unit is a command of the device. Buffers of the device are used again and again
 * within a call: each use is a slot of its own, so that each has one meaning.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type {
  RandomDraw,
  RecordedRow,
  Recorder,
} from "../../internal/recording.ts";
import {
  valuesOnHost,
  type WebGpuBackend,
  webGpuBackend,
} from "../webgpu/backend.ts";
import { StateRecorder } from "./state_recorder.ts";
import { HeldTensors } from "./webgpu_held.ts";
import { bytesOf, wordsOf } from "./webgpu_memory.ts";
import type {
  Bytes,
  Command,
  GpuSlot,
  GpuSource,
  HostStep,
  Inspection,
} from "./webgpu_recorded.ts";
import type { CommandListener, Work } from "./webgpu_watch.ts";

/** What a function has done so far. */
export class WebGpuRecorder extends StateRecorder
  implements Recorder, CommandListener {
  /** The slots, by number. */
  readonly slots: GpuSlot[] = [];
  /** The commands, in order. */
  readonly commands: Command[] = [];
  /** Work in JavaScript, in order. */
  readonly host: HostStep[] = [];
  /** Looks at arguments. */
  readonly inspections: Inspection[] = [];
  readonly #backend: WebGpuBackend = webGpuBackend();
  /** What buffers of the device hold that were written in the call. */
  readonly #now = new Map<GPUBuffer, GpuSlot>();
  /** The data in buffers from before the call. */
  readonly #before = new Map<GPUBuffer, object>();
  /** Data made in the call; whether it was made of numbers. */
  readonly #made = new Map<object, boolean>();
  readonly #arguments = new Map<object, number>();
  readonly #held = new HeldTensors();
  /** What took the place of data that an optimizer held. */
  readonly #replaced = new Map<object, () => tf.Tensor>();
  readonly #given: readonly tf.Tensor[];

  /**
   * Listen to a function that is called inside `depth` contexts.
   *
   * @param copies The arguments of this call, in buffers of their own.
   * @param given What they were copied from.
   */
  constructor(
    depth: number,
    copies: readonly tf.Tensor[],
    given: readonly tf.Tensor[],
  ) {
    super(depth);
    this.#given = given;
    copies.forEach((x, index) => {
      this.#arguments.set(x.dataId, index);
      const slot = this.#add({ kind: "argument", index }, bytesOf(x));
      const { resource } = this.#backend.tensorMap.get(x.dataId);
      if (resource) this.#now.set(resource, slot);
    });
  }

  #add(source: GpuSource, bytes: number): GpuSlot {
    const slot = { id: this.slots.length, bytes, source };
    this.slots.push(slot);
    return slot;
  }

  /** `buffer` holds what a new slot says. */
  #use(buffer: GPUBuffer, source: GpuSource): void {
    this.#before.delete(buffer);
    this.#now.set(buffer, this.#add(source, buffer.size));
  }

  protected override holds(x: tf.Tensor, state: object): void {
    if (this.#made.has(x.dataId) || this.#arguments.has(x.dataId)) return;
    this.#held.state(x.dataId, state);
    // tfjs would compute on the CPU with what is not on the device yet.
    if (x.size > 0) this.#backend.uploadToGPU(x.dataId);
  }

  effect(fn: () => void): void {
    this.host.push(fn);
  }

  guard(x: tf.Tensor): boolean {
    return Number.isFinite(x.dataSync()[0]); // refused, since it is a read
  }

  inspect(
    x: tf.TensorInfo,
    look: (values: tf.TypedArray) => void,
    read: () => void,
  ): void {
    const index = this.#arguments.get(x.dataId);
    if (index === undefined) return read();
    this.inspections.push({ index, look });
    const values = valuesOnHost(this.#given[index]!);
    if (values) look(values as tf.TypedArray);
  }

  drawn(drawing: RandomDraw): void {
    const { stream, x } = drawing, skip = this.skipOf(drawing);
    const from = { stream, skip };
    this.#numbers(x, { kind: "draw", from, now: this.drawOf(drawing, skip) });
  }

  numbers(x: tf.Tensor, now: () => Float32Array): void {
    this.#numbers(x, { kind: "draw", from: undefined, now });
  }

  #numbers(x: tf.Tensor, source: GpuSource): void {
    if (x.size === 0) return;
    this.#backend.uploadToGPU(x.dataId);
    this.#made.set(x.dataId, false);
    const { resource } = this.#backend.tensorMap.get(x.dataId);
    const slot = this.#now.get(resource!)!;
    slot.source = source;
    this.host.push(slot);
  }

  slot(x: tf.Tensor, now: () => tf.Tensor): void {
    this.#held.slot(x.dataId, now);
    // As above.
    if (x.size > 0) this.#backend.uploadToGPU(x.dataId);
  }

  row({ uniform, scalars, alike, overwritten }: RecordedRow): void {
    for (const [from, to] of overwritten) {
      const now = this.#held.slotOf(from.dataId);
      if (!now) continue;
      this.#held.overwrite(from.dataId);
      if (to !== from) this.#replaced.set(to.dataId, now);
    }
    const slot = scalars && uniform && this.#now.get(uniform);
    if (slot?.source.kind !== "uniform") return;
    slot.source.live = scalars;
    slot.source.alike = alike;
    this.host.push(slot);
  }

  made(dataId: object, values: tf.BackendValues | null, dtype: string): void {
    this.#made.set(dataId, values !== null);
    if (dtype === "complex64" || dtype === "string") {
      this.refuse(`it computes with tensors of ${dtype}`);
    }
  }

  uploaded(
    dataId: object,
    values: tf.BackendValues | null,
    buffer: GPUBuffer,
    isNew: boolean,
  ): void {
    if (isNew && this.#made.has(dataId)) {
      const { dtype } = this.#backend.tensorMap.get(dataId);
      const bytes = values && wordsOf(values as tf.TypedArray, dtype);
      this.#use(
        buffer,
        bytes
          ? { kind: "constant", bytes, isWritten: false }
          : { kind: "temporary" },
      );
    } else if (isNew) {
      this.#now.delete(buffer);
      this.#before.set(buffer, dataId);
    } else if (!this.#now.has(buffer)) {
      this.#before.set(buffer, dataId);
    }
  }

  overwrites(dataId: object): void {
    const { resource } = this.#backend.tensorMap.get(dataId);
    const { source } = this.#now.get(resource!)!;
    if (source.kind === "constant") source.isWritten = true;
  }

  reads(dataId: object): tf.BackendValues | undefined {
    if (!this.#isConstant(dataId)) this.refuse("it reads values");
    const index = this.#arguments.get(dataId);
    if (index === undefined) return undefined;
    const { values } = this.#backend.tensorMap.get(this.#given[index]!.dataId);
    return values ?? undefined;
  }

  #isConstant(dataId: object): boolean {
    return this.#made.get(dataId) ??
      !(this.#arguments.has(dataId) || this.#held.has(dataId));
  }

  acquired(buffer: GPUBuffer): void {
    const isUniform = buffer.usage & GPUBufferUsage.UNIFORM;
    const bytes = new Uint8Array(0);
    this.#use(
      buffer,
      isUniform
        ? { kind: "uniform", bytes, live: undefined, alike: [] }
        : { kind: "temporary" },
    );
  }

  wrote(buffer: GPUBuffer, bytes: Bytes): void {
    const source = this.#now.get(buffer)?.source;
    if (source?.kind === "uniform") source.bytes = bytes;
    else this.refuse("it writes to a buffer of WebGPU");
  }

  dispatched(entries: readonly GPUBindGroupEntry[], work: Work): void {
    const bindings = entries.map(({ binding, resource }) => {
      const { buffer, offset = 0, size } = resource as GPUBufferBinding;
      if (!buffer) this.refuse("it uses textures");
      const slot = this.#slotOf(buffer);
      return { binding, slot, offset, size: size ?? slot.bytes };
    });
    this.commands.push({ kind: "dispatch", bindings, ...work });
  }

  copied(
    source: GPUBuffer,
    fromOffset: number,
    target: GPUBuffer,
    toOffset: number,
    bytes: number,
  ): void {
    if (source.usage & GPUBufferUsage.MAP_WRITE) return; // an upload
    const [from, to] = [this.#slotOf(source), this.#slotOf(target)];
    const copy = { from, fromOffset, to, toOffset, bytes };
    this.commands.push({ kind: "copy", ...copy });
  }

  /** What a buffer holds. */
  #slotOf(buffer: GPUBuffer): GpuSlot {
    const known = this.#now.get(buffer);
    if (known) return known;
    const dataId = this.#before.get(buffer);
    if (!dataId) this.refuse("it uses a buffer of WebGPU that is no tensor's");
    const source: GpuSource = dataId
      ? this.#held.sourceOf(dataId)
      : { kind: "temporary" };
    const slot = this.#add(source, buffer?.size ?? 0);
    this.#now.set(buffer, slot);
    return slot;
  }

  /** The slot of a tensor that is returned or that a state holds. */
  bufferOf(x: tf.Tensor): GpuSlot {
    const { resource, values } = this.#backend.tensorMap.get(x.dataId);
    if (this.#made.get(x.dataId) && !resource || x.size === 0) {
      const bytes = wordsOf(values as tf.TypedArray ?? [], x.dtype);
      const source = { kind: "constant", bytes, isWritten: false } as const;
      return this.#add(source, bytes.length);
    }
    this.#backend.uploadToGPU(x.dataId);
    return this.#slotOf(this.#backend.tensorMap.get(x.dataId).resource!);
  }

  /** Whether `slot` is what `state` held before the call. */
  isOf({ source }: GpuSlot, state: object): boolean {
    return source.kind === "held" && source.states.includes(state);
  }

  /** Tensors of optimizers that were made in the call. */
  kept(): [now: () => tf.Tensor, slot: GpuSlot][] {
    return [...this.#replaced].flatMap(([dataId, now]) => {
      const x = now(); // another step may have replaced it again
      return x.dataId === dataId ? [[now, this.bufferOf(x)]] : [];
    });
  }

  /** Whether data that was made in the call, other than `known`, is still alive. */
  leaves(known: ReadonlySet<object>): boolean {
    const { tensorMap } = this.#backend;
    return [...this.#made.keys()].some((dataId) =>
      !known.has(dataId) && !this.#replaced.has(dataId) &&
      tensorMap.has(dataId) && tensorMap.get(dataId).refCount > 0
    );
  }

  /** Whether nothing but tensors has changed yet. */
  get isPure(): boolean {
    return this.written.size === 0 && this.host.length === 0 &&
      !this.#held.isOverwritten;
  }

  /** Let go of tensors that are kept. */
  release(): void {
    this.#held.release();
  }
}
