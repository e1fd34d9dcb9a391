/**
 * Small tensors of a step, packed: what would be a dispatch for each is one for all.
 *
 * Shaders have no table of pointers, so the tensors of many rows are copied into one,
 * one after another, and results are copied out; a copy costs far less than a
 * dispatch. What a kernel overwrites, as the slots of an optimizer, stays packed from
 * step to step, until somebody looks at it: then all of its pack is copied back.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Named } from "../../tensors.ts";
import type { TensorData, WebGpuBackend } from "../webgpu/backend.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import type { Kernel, Row } from "./kernel.ts";
import { type Program, programOf } from "./webgpu_program.ts";
import { overwrites } from "./wgsl.ts";

/** Elements of the largest tensor that is packed: larger ones fill a dispatch. */
export const LARGEST = 2 ** 16;

/** The most elements of a pack. */
const MOST = 2 ** 24;

/** The most rows of a pack, which is an axis of a dispatch. */
const MOST_ROWS = 2 ** 15;

/** A row, and its number among the rows of the launch that have elements. */
export interface PackRow {
  readonly row: Row;
  /** Its number among all rows. */
  readonly at: number;
  readonly cell: number;
}

/** The most tables that are kept. */
const MOST_TABLES = 32;

/** What is packed on a backend. */
interface State {
  readonly packs: Set<Pack>;
  readonly byData: WeakMap<object, Pack>;
  readonly tables: Map<string, tf.TensorInfo>;
}

const states = new WeakMap<WebGpuBackend, State>();

function stateOf(backend: WebGpuBackend): State {
  let state = states.get(backend);
  if (!state) {
    state = { packs: new Set(), byData: new WeakMap(), tables: new Map() };
    states.set(backend, state);
  }
  return state;
}

/** Copy back all that is packed: somebody knows the buffers of tensors. */
export function unpackAll(backend: WebGpuBackend): void {
  for (const pack of [...stateOf(backend).packs]) pack.unpack();
}

/** What a kernel overwrites. */
export function slotsOf(kernel: Kernel): string[] {
  return Object.keys(kernel.outputs).filter((name) => overwrites(kernel, name));
}

/** Whether rows of a kernel can be packed at all. */
function canPack(kernel: Kernel, { sums }: Program): boolean {
  return Object.values(kernel.inputs).includes("each") &&
    Object.values(kernel.outputs).every(({ extent }) => extent === "each") &&
    sums.flat().every(({ head }) =>
      head.kind === "sum" && head.over === "step"
    );
}

/** Rows that can be computed as one: those with the same numbers, and small. */
export function packable(
  backend: WebGpuBackend,
  kernel: Kernel,
  rows: readonly PackRow[],
): PackRow[][] {
  const program = programOf(kernel);
  if (backend.isRecorded || !canPack(kernel, program)) return [];
  const slots = slotsOf(kernel), names = Object.keys(kernel.inputs);
  const ones = names.filter((name) => kernel.inputs[name] === "one");
  const isFree = ({ inputs }: Row) =>
    slots.every((name) => {
      const { dataId } = inputs[name]!;
      return backend.tensorMap.get(dataId).refCount === 1 &&
        !isBeingRead(dataId) &&
        names.every((other) =>
          other === name || inputs[other]!.dataId !== dataId
        );
    });
  const groups = new Map<string, { pack: PackRow[]; size: number }>();
  const packs: PackRow[][] = [];
  const numbers = new Map<unknown, number>();
  for (const item of rows) {
    const { row } = item, size = sizeOf(row);
    if (size === 0 || size > LARGEST || row.live || !isFree(row)) continue;
    const shared = ones.map((name) => {
      const { dataId } = row.inputs[name]!;
      if (!numbers.has(dataId)) numbers.set(dataId, numbers.size);
      return numbers.get(dataId);
    });
    const key = [...program.host(row.scalars), ...shared].join();
    let group = groups.get(key);
    const isFull = group && (group.size + size > MOST ||
      group.pack.length >= MOST_ROWS);
    if (!group || isFull) {
      groups.set(key, group = { pack: [], size: 0 });
      packs.push(group.pack);
    }
    group.pack.push(item);
    group.size += size;
  }
  return packs.filter(({ length }) => length > 1);
}

const sizeOf = ({ shape }: Row) => tf.util.sizeFromShape([...shape]);

/** The slots of rows, each of a name in one tensor. */
export class Pack {
  /** Where each row begins. */
  readonly starts: readonly number[];
  /** The number of elements. */
  readonly size: number;
  /** What is overwritten, by name. */
  readonly slots: Named<tf.TensorInfo>;
  readonly #backend: WebGpuBackend;
  readonly #cells: readonly number[];
  /** By name, and by row. */
  readonly #held: Named<readonly object[]>;

  private constructor(
    backend: WebGpuBackend,
    names: readonly string[],
    rows: readonly PackRow[],
  ) {
    this.#backend = backend;
    this.#cells = rows.map(({ cell }) => cell);
    const starts: number[] = [];
    let size = 0;
    for (const { row } of rows) {
      starts.push(size);
      size += sizeOf(row);
    }
    this.starts = starts;
    this.size = size;
    const slots: Record<string, tf.TensorInfo> = {};
    const held: Record<string, object[]> = {};
    for (const name of names) {
      held[name] = rows.map(({ row }) => row.inputs[name]!.dataId);
      slots[name] = packed(backend, rows, name, starts, size);
    }
    this.slots = slots;
    this.#held = held;
    const { packs, byData } = stateOf(backend);
    for (const dataId of Object.values(held).flat()) {
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

  /** Of each row: where it begins, how long it is, and its cell. */
  get table(): tf.TensorInfo {
    return tableOf(
      this.#backend,
      this.starts.flatMap((start, i) => [
        start,
        (this.starts[i + 1] ?? this.size) - start,
        this.#cells[i]!,
        0,
      ]),
    );
  }

  #has(names: readonly string[], rows: readonly PackRow[]): boolean {
    const held = this.#held;
    return rows.length === this.#cells.length &&
      names.length === Object.keys(held).length &&
      rows.every(({ cell }, i) => cell === this.#cells[i]) &&
      names.every((name) =>
        held[name]?.every((dataId, i) =>
          dataId === rows[i]!.row.inputs[name]!.dataId
        )
      );
  }

  /** From now on, whoever asks for the buffer of a slot gets the values of now. */
  #hold(data: TensorData): void {
    const buffer = data.resource;
    data.values = null;
    Object.defineProperty(data, "resource", {
      configurable: true,
      enumerable: true,
      get: () => {
        this.unpack();
        return buffer;
      },
      set: (next) => restore(data, next),
    });
    buffers.set(data, buffer);
  }

  /** Copy all back. */
  unpack(): void {
    const backend = this.#backend, { packs, byData } = stateOf(backend);
    if (!packs.delete(this)) return;
    const copies: [GPUBuffer, GPUBuffer, number, number][] = [];
    for (const [name, dataIds] of Object.entries(this.#held)) {
      const from = backend.tensorMap.get(this.slots[name]!.dataId).resource!;
      dataIds.forEach((dataId, i) => {
        byData.delete(dataId);
        if (!backend.tensorMap.has(dataId)) return;
        const data = backend.tensorMap.get(dataId), start = this.starts[i]!;
        restore(data, buffers.get(data));
        backend.own(dataId);
        const size = (this.starts[i + 1] ?? this.size) - start;
        copies.push([from, data.resource!, start, size]);
      });
    }
    const encoder = backend.openEncoder();
    for (const [from, to, start, size] of copies) {
      encoder.copyBufferToBuffer(from, 4 * start, to, 0, 4 * size);
    }
    for (const { dataId } of Object.values(this.slots)) {
      backend.disposeData(dataId);
    }
  }
}

/** The own buffers of packed data. */
const buffers = new WeakMap<TensorData, GPUBuffer | null | undefined>();

function restore(data: TensorData, resource: unknown): void {
  Object.defineProperty(data, "resource", {
    configurable: true,
    enumerable: true,
    writable: true,
    value: resource,
  });
}

/** The table of these words, put on the device once. */
function tableOf(backend: WebGpuBackend, words: number[]): tf.TensorInfo {
  const { tables } = stateOf(backend), key = words.join();
  let table = tables.get(key);
  tables.delete(key);
  if (!table) {
    const values = Int32Array.from(words);
    table = backend.makeTensorInfo([words.length], "int32", values);
    backend.uploadToGPU(table.dataId);
  }
  tables.set(key, table); // as the last that was used
  for (const [key, { dataId }] of tables) {
    if (tables.size <= MOST_TABLES) break;
    backend.disposeData(dataId);
    tables.delete(key);
  }
  return table;
}

/** A new tensor of the inputs called `name` of all rows. */
export function packed(
  backend: WebGpuBackend,
  rows: readonly PackRow[],
  name: string,
  starts: readonly number[],
  size: number,
): tf.TensorInfo {
  const all = backend.makeTensorInfo([size], "float32");
  backend.uploadToGPU(all.dataId);
  const to = backend.tensorMap.get(all.dataId).resource!;
  for (const { row } of rows) {
    const { dataId } = row.inputs[name]!;
    backend.uploadToGPU(dataId);
    // Another pack that has it is copied back here, before the copies below.
    void backend.tensorMap.get(dataId).resource;
  }
  const encoder = backend.openEncoder();
  rows.forEach(({ row }, i) => {
    const { dataId, size } = row.inputs[name]!;
    const from = backend.tensorMap.get(dataId).resource!;
    encoder.copyBufferToBuffer(from, 0, to, 4 * starts[i]!, 4 * size);
  });
  return all;
}
