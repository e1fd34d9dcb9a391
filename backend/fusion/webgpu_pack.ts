/**
 * Small tensors of a step, packed: what would be a dispatch for each is one for all.
 *
 * Shaders have no table of pointers, so the tensors of many rows are copied into one,
 * one after another, and results are copied out: a copy costs far less than a dispatch
 * with a bind group of its own. What a kernel overwrites, as the
 * slots of an optimizer, stays packed from step to step, until somebody looks at it:
 * then all of its pack is copied back. So do results, in case they are inputs of the
 * next step, as parameters are.
 *
 * While a step is recorded, packs last for the step only, and rows begin where shaders
 * can bind them alone: the plan of the recording leaves out most of the copies.
 *
 * @module
 */
import type { Named } from "../../tensors.ts";
import type { TensorData, WebGpuBackend } from "../webgpu/backend.ts";
import { lend, restore } from "../webgpu/lent.ts";
import type { Kernel } from "./kernel.ts";
import {
  alignmentOf,
  type PackRow,
  roundUp,
  sizeOf,
  slotsOf,
} from "./webgpu_packable.ts";

/** Tensors of rows, in one buffer. */
export interface Packed {
  readonly buffer: GPUBuffer;
  /** The data of each row's tensor. */
  readonly of: readonly object[];
}

/** What is packed on a backend. */
interface State {
  readonly packs: Set<Pack>;
  readonly byData: WeakMap<object, Pack>;
}

const states = new WeakMap<WebGpuBackend, State>();

function stateOf(backend: WebGpuBackend): State {
  let state = states.get(backend);
  if (!state) {
    state = { packs: new Set(), byData: new WeakMap() };
    states.set(backend, state);
  }
  return state;
}

/** Copy back all that is packed, before somebody uses buffers that are known already. */
export function unpackAll(backend: WebGpuBackend): void {
  for (const pack of [...stateOf(backend).packs]) pack.unpack();
}

/** A buffer of `length` elements for what only shaders know. */
export function acquire(backend: WebGpuBackend, length: number): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
    GPUBufferUsage.COPY_DST;
  return backend.bufferManager.acquireBuffer(4 * length, usage);
}

/** Rows that are computed as one. */
export class Pack {
  /** Where each row begins. */
  readonly starts: number[];
  /** The number of elements, with those between rows. */
  readonly size: number;
  readonly #backend: WebGpuBackend;
  readonly #sizes: readonly number[];
  readonly #cells: readonly number[];
  /** What is overwritten, by name. */
  readonly #slots: Record<string, Packed> = {};
  /** The results of the last step, by name. */
  #results: Named<Packed> = {};
  #table: GPUBuffer | undefined;

  private constructor(
    backend: WebGpuBackend,
    names: readonly string[],
    rows: readonly PackRow[],
  ) {
    this.#backend = backend;
    this.#cells = rows.map(({ cell }) => cell);
    this.#sizes = rows.map(({ row }) => sizeOf(row));
    const align = alignmentOf(backend);
    this.starts = [];
    this.size = 0;
    for (const n of this.#sizes) {
      const start = roundUp(this.size, align);
      this.starts.push(start);
      this.size = start + n;
    }
    for (const name of names) {
      this.#slots[name] = {
        buffer: this.#gather(rows, name),
        of: of(rows, name),
      };
    }
    if (backend.isRecorded) return;
    const { packs, byData } = stateOf(backend);
    for (const dataId of Object.values(this.#slots).flatMap(({ of }) => of)) {
      this.#hold(backend.tensorMap.get(dataId));
      byData.set(dataId, this);
    }
    if (names.length > 0) packs.add(this);
  }

  /** The pack of rows: that of the last step, if they are the same. */
  static of(
    backend: WebGpuBackend,
    kernel: Kernel,
    rows: readonly PackRow[],
  ): Pack {
    const names = slotsOf(kernel), [first] = names;
    const { byData } = stateOf(backend);
    const known = first && byData.get(rows[0]!.row.inputs[first]!.dataId);
    if (known && known.#has(names, rows)) return known;
    return new Pack(backend, names, rows);
  }

  #has(names: readonly string[], rows: readonly PackRow[]): boolean {
    const slots = this.#slots;
    return rows.length === this.#cells.length &&
      names.length === Object.keys(slots).length &&
      rows.every(({ cell }, i) => cell === this.#cells[i]) &&
      names.every((name) => slots[name] && isOf(slots[name], rows, name));
  }

  /** Of each row: where it begins, how long it is, and its cell. */
  get table(): GPUBuffer {
    if (this.#table) return this.#table;
    const backend = this.#backend;
    const words = this.starts.flatMap((start, i) => [
      start,
      this.#sizes[i]!,
      this.#cells[i]!,
      0,
    ]);
    const { length } = words, values = Int32Array.from(words);
    const { dataId } = backend.makeTensorInfo([length], "int32", values);
    backend.uploadToGPU(dataId);
    const { resource } = backend.tensorMap.get(dataId);
    const table = this.#table = acquire(backend, length);
    backend.openEncoder()
      .copyBufferToBuffer(resource!, 0, table, 0, 4 * length);
    backend.disposeData(dataId);
    return table;
  }

  /** What is overwritten, by name. */
  get slots(): Named<GPUBuffer> {
    const buffers: Record<string, GPUBuffer> = {};
    for (const [name, { buffer }] of Object.entries(this.#slots)) {
      buffers[name] = buffer;
    }
    return buffers;
  }

  /** The inputs called `name` of all rows, which `finish` frees. */
  input(rows: readonly PackRow[], name: string): GPUBuffer {
    for (const result of Object.values(this.#results)) {
      if (isOf(result, rows, name)) return result.buffer;
    }
    return this.#gather(rows, name);
  }

  #gather(rows: readonly PackRow[], name: string): GPUBuffer {
    const backend = this.#backend;
    const froms = of(rows, name).map((dataId) => {
      backend.uploadToGPU(dataId);
      return backend.tensorMap.get(dataId).resource!;
    });
    const buffer = acquire(backend, this.size);
    const encoder = backend.openEncoder();
    froms.forEach((from, i) => {
      const start = 4 * this.starts[i]!, size = 4 * this.#sizes[i]!;
      encoder.copyBufferToBuffer(from, 0, buffer, start, size);
    });
    return buffer;
  }

  /** Copy a result out to a tensor of each row. */
  scatter(from: GPUBuffer, to: readonly object[]): void {
    const backend = this.#backend, encoder = backend.openEncoder();
    to.forEach((dataId, i) => {
      const { resource } = backend.tensorMap.get(dataId);
      const start = 4 * this.starts[i]!, size = 4 * this.#sizes[i]!;
      encoder.copyBufferToBuffer(from, start, resource!, 0, size);
    });
  }

  /** The step is recorded: free its inputs, and keep its results for the next one. */
  finish(inputs: Named<GPUBuffer>, results: Named<Packed>): void {
    const past = Object.values(this.#results).map(({ buffer }) => buffer);
    const done = new Set([...past, ...Object.values(inputs)]);
    for (const buffer of done) this.#release(buffer);
    const isKept = stateOf(this.#backend).packs.has(this);
    this.#results = results;
    if (isKept) return;
    for (const { buffer, of } of Object.values(this.#slots)) {
      this.#return(buffer, of);
    }
    this.#free();
  }

  #release(buffer: GPUBuffer): void {
    this.#backend.bufferManager.releaseBuffer(buffer);
  }

  #free(): void {
    for (const { buffer } of Object.values(this.#results)) {
      this.#release(buffer);
    }
    this.#results = {};
    if (this.#table) this.#release(this.#table);
    this.#table = undefined;
  }

  /** From now on, whoever asks for the buffer of a slot gets the values of now. */
  #hold(data: TensorData): void {
    data.values = null;
    lend(data, () => this.unpack());
  }

  /** Copy all back. */
  unpack(): void {
    const { packs, byData } = stateOf(this.#backend);
    if (!packs.delete(this)) return;
    for (const { buffer, of } of Object.values(this.#slots)) {
      for (const dataId of of) byData.delete(dataId);
      this.#return(buffer, of);
    }
    this.#free();
  }

  /** Copy what was overwritten back to the tensors, and free its buffer. */
  #return(buffer: GPUBuffer, of: readonly object[]): void {
    const backend = this.#backend;
    const copies: (() => void)[] = [];
    of.forEach((dataId, i) => {
      if (!backend.tensorMap.has(dataId)) return;
      const data = backend.tensorMap.get(dataId);
      restore(data);
      backend.own(dataId);
      data.values = null;
      const start = 4 * this.starts[i]!, size = 4 * this.#sizes[i]!;
      const to = data.resource!;
      copies.push(() => encoder.copyBufferToBuffer(buffer, start, to, 0, size));
    });
    const encoder = backend.openEncoder();
    for (const copy of copies) copy();
    this.#release(buffer);
  }
}

/** The data of the tensors called `name`. */
function of(rows: readonly PackRow[], name: string): object[] {
  return rows.map(({ row }) => row.inputs[name]!.dataId);
}

function isOf(
  packed: Packed,
  rows: readonly PackRow[],
  name: string,
): boolean {
  return rows.every(({ row }, i) => row.inputs[name]!.dataId === packed.of[i]);
}
