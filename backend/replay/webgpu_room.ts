/**
 * The buffers of a program on WebGPU.
 *
 * @module
 */
import { LiveNumbers } from "./live_numbers.ts";
import type { Columns } from "./webgpu_columns.ts";
import {
  keptSlots,
  type Place,
  slotsOf,
  writtenSlots,
} from "./webgpu_memory.ts";
import type { Bytes, GpuRecord, GpuSlot } from "./webgpu_recorded.ts";
import { shareBuffers } from "./webgpu_share.ts";

/** Bytes of the largest argument that is written together with other numbers. */
const SMALL = 2 ** 14;

/** The places of what is no tensor's, and what is written there before each run. */
export class Room {
  readonly #device: GPUDevice;
  readonly #record: GpuRecord;
  readonly #places = new Map<GpuSlot, Place>();
  readonly #buffers: GPUBuffer[] = [];
  /** Buffers with constants that commands overwrite. */
  readonly #rewritten: { bytes: Bytes; buffer: GPUBuffer }[] = [];
  /** What is written before each run, from the first uniform on: see `#placeUniforms`. */
  #live: Bytes = new Uint8Array(0);
  /** Arguments with buffers of their own, which commands only read. */
  readonly #alone = new Set<GpuSlot>();
  #uniforms: GPUBuffer | undefined;

  /** Make the buffers for a recording. */
  constructor(device: GPUDevice, record: GpuRecord, columns: Columns) {
    this.#device = device;
    this.#record = record;
    const { commands, homes, lasting } = columns;
    const used = new Set(commands.flatMap(slotsOf));
    const results = keptSlots(record);
    for (const slot of results) used.add(slot);
    const { numbers, sizes } = shareBuffers(columns, results);
    const shared = sizes.map((size) => this.#make(size));
    for (const [slot, number] of numbers) {
      this.#places.set(slot, { buffer: shared[number]!, offset: 0 });
    }
    for (const slot of lasting) {
      this.#places.set(slot, { buffer: this.#make(slot.bytes), offset: 0 });
    }
    for (const [slot, { column, offset }] of homes) {
      const { buffer } = this.#places.get(column)!;
      this.#places.set(slot, { buffer, offset });
      if (slot.source.kind === "constant") {
        device.queue.writeBuffer(buffer, offset, slot.source.bytes);
      }
    }
    const written = writtenSlots(commands);
    const staged: GpuSlot[] = [];
    for (const slot of used) {
      if (homes.has(slot)) continue;
      const { source, bytes } = slot;
      const isAlone = source.kind === "argument" ||
        source.kind === "constant" ||
        source.kind === "draw";
      if (!isAlone || bytes === 0) continue;
      if (source.kind === "argument" && !written.has(slot)) {
        if (bytes <= SMALL) {
          staged.push(slot);
          continue;
        }
        this.#alone.add(slot);
      }
      const buffer = this.#make(bytes);
      this.#places.set(slot, { buffer, offset: 0 });
      if (source.kind !== "constant") continue;
      device.queue.writeBuffer(buffer, 0, source.bytes);
      if (source.isWritten) {
        this.#rewritten.push({ bytes: source.bytes, buffer });
      }
    }
    this.#placeUniforms([...used], staged);
  }

  #make(size: number, usage: number = GPUBufferUsage.STORAGE): GPUBuffer {
    usage |= GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ size, usage });
    this.#buffers.push(buffer);
    return buffer;
  }

  /**
   * All uniforms are in one buffer, equal ones once. Those computed anew are first, and
   * small arguments: one write puts them there.
   */
  #placeUniforms(slots: readonly GpuSlot[], staged: readonly GpuSlot[]): void {
    const { limits } = this.#device;
    const align = Math.max(
      limits.minUniformBufferOffsetAlignment,
      limits.minStorageBufferOffsetAlignment,
    );
    const parts: Uint8Array[] = [];
    const offsets: number[] = [];
    const offsetOf = new Map<GpuSlot, number>();
    let end = 0;
    const add = (slot: GpuSlot, bytes: Uint8Array): number => {
      parts.push(bytes);
      offsets.push(end);
      offsetOf.set(slot, end);
      end += Math.ceil(bytes.length / align) * align;
      return offsets.at(-1)!;
    };
    for (const slot of staged) add(slot, new Uint8Array(slot.bytes));
    const known = new Map<string, number>();
    for (const isLive of [true, false]) {
      for (const slot of slots) {
        const { source } = slot;
        if (source.kind !== "uniform" || !source.live !== !isLive) continue;
        if (isLive) {
          add(slot, source.bytes);
          continue;
        }
        const key = source.bytes.join();
        const offset = known.get(key);
        if (offset !== undefined) offsetOf.set(slot, offset);
        else known.set(key, add(slot, source.bytes));
      }
      if (isLive) this.#live = new Uint8Array(end);
    }
    if (end === 0) return;
    const all = new Uint8Array(end);
    parts.forEach((part, i) => all.set(part, offsets[i]));
    this.#live.set(all.subarray(0, this.#live.length));
    const { UNIFORM, STORAGE } = GPUBufferUsage;
    const buffer = this.#make(end, UNIFORM | STORAGE);
    this.#device.queue.writeBuffer(buffer, 0, all);
    for (const [slot, offset] of offsetOf) {
      this.#places.set(slot, { buffer, offset });
    }
    this.#uniforms = buffer;
  }

  /** The bytes of all buffers. */
  get bytes(): number {
    return this.#buffers.reduce((sum, { size }) => sum + size, 0);
  }

  /** Where a slot is, if it is no tensor. */
  at(slot: GpuSlot): Place | undefined {
    return this.#places.get(slot);
  }

  /** Whether a slot is an argument that stays in its buffer until it is written anew. */
  isAlone(slot: GpuSlot): boolean {
    return this.#alone.has(slot);
  }

  /** The bytes of a small argument, which the next `refresh` writes. */
  stagedOf(slot: GpuSlot): Bytes | undefined {
    const place = this.#places.get(slot);
    if (!place || place.buffer !== this.#uniforms) return undefined;
    return this.#live.subarray(place.offset, place.offset + slot.bytes);
  }

  /** Do the work of a run in JavaScript, and write what it gives. */
  refresh(queue: GPUQueue): void {
    const live = new LiveNumbers();
    const words = new Float32Array(this.#live.buffer);
    for (const step of this.#record.host) {
      if (typeof step === "function") {
        step();
        continue;
      }
      const { source } = step, place = this.#places.get(step);
      if (!place) continue;
      if (source.kind === "draw") {
        const { buffer, offset } = place;
        const numbers = source.now() as Float32Array<ArrayBuffer>;
        queue.writeBuffer(buffer, offset, numbers);
      }
      if (source.kind !== "uniform") continue;
      const { at } = source.live!, numbers = live.of(source.live!);
      for (let i = 0; i < at.length; i++) {
        words[(place.offset + at[i]!) / 4] = numbers[i]!;
      }
    }
    if (this.#live.length > 0) {
      queue.writeBuffer(this.#uniforms!, 0, this.#live);
    }
    for (const { bytes, buffer } of this.#rewritten) {
      queue.writeBuffer(buffer, 0, bytes);
    }
  }

  /** Free the buffers. */
  dispose(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
