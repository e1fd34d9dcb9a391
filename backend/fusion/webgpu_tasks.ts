/**
 * What a step computes on WebGPU: its rows, or packs of rows, with their tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Named, Tensors } from "../../tensors.ts";
import type { UniformField, WebGpuBackend } from "../webgpu/backend.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import type { Expr } from "./expr.ts";
import type { Kernel, Launch, Row } from "./kernel.ts";
import { Pack, packable, packed, type PackRow } from "./webgpu_packs.ts";
import { type Program, programOf } from "./webgpu_program.ts";
import { reportRow } from "./webgpu_report.ts";
import { overwrites } from "./wgsl.ts";
import { sharesOfSum, WORKGROUP } from "./wgsl_shader.ts";

/** A row, or a pack of them: tensors, scalars, and partial sums. */
export interface Task {
  readonly kernel: Kernel;
  readonly program: Program;
  readonly inputs: Named<tf.TensorInfo>;
  readonly outputs: Named<tf.TensorInfo>;
  readonly size: number;
  readonly uniform: GPUBufferBinding | undefined;
  /** Of each pass: room for the sums of workgroups. */
  readonly partials: readonly tf.TensorInfo[];
  /** What says where the rows of a pack lie, and how many they are. */
  readonly table?: tf.TensorInfo | undefined;
  readonly rows?: number;
}

/** Results of a pack, to be copied to tensors of their own. */
export interface Results {
  readonly from: tf.TensorInfo;
  readonly starts: readonly number[];
  readonly to: readonly tf.Tensor[];
}

/** Elements of the array of sums that belong to an expression. */
export interface Cells {
  /** The first row's. */
  readonly start: number;
  /** From one row to the next. */
  readonly stride: number;
  readonly count: number;
  /** Where the sum over the step goes, if it is one. */
  readonly whole: number | undefined;
}

/** The tensors of a step: what is written is made, and what is read is on the device. */
export class Tasks {
  /** What is written, by launch and row. */
  readonly outputs: Tensors[][];
  /** What there is to compute. */
  readonly list: Task[] = [];
  /** What is copied to tensors of its own when all is computed. */
  readonly results: Results[] = [];
  /** Intermediate results, freed at the end. */
  readonly rooms: tf.TensorInfo[] = [];
  /** Where the sums of each launch are. */
  readonly cells: readonly ReadonlyMap<Expr, Cells>[];
  /** All sums. */
  readonly totals: tf.TensorInfo | undefined;
  readonly #backend: WebGpuBackend;
  readonly #uniforms = new Map<string, GPUBufferBinding>();

  constructor(backend: WebGpuBackend, launches: readonly Launch[]) {
    this.#backend = backend;
    const { cells, length } = layOut(launches);
    this.cells = cells;
    this.totals = length ? this.#room(length) : undefined;
    this.outputs = launches.map(({ kernel, rows }, k) => {
      let count = 0; // rows without elements have no sums
      const cells = rows.map((row) => isEmpty(row) ? count : count++);
      const outputs: Tensors[] = [];
      const items = rows.map((row, at) => ({ row, at, cell: cells[at]! }));
      const packs = packable(backend, kernel, items);
      for (const pack of packs) this.#preparePack(kernel, pack, k, outputs);
      const isPacked = new Set(packs.flat().map(({ at }) => at));
      for (const { row, at, cell } of items) {
        if (isPacked.has(at)) continue;
        outputs[at] = this.#prepare(kernel, row, k, cell);
      }
      return outputs;
    });
  }

  /** A buffer of `length` floats for intermediate results of shaders. */
  #room(length: number): tf.TensorInfo {
    const info = this.#backend.makeTensorInfo([length], "float32");
    this.#backend.uploadToGPU(info.dataId);
    this.rooms.push(info);
    return info;
  }

  /** Upload and allocate all: it may end the open pass, so it comes first. */
  #prepare(kernel: Kernel, row: Row, launch: number, cell: number): Tensors {
    const program = programOf(kernel), { inputs } = row;
    const size = tf.util.sizeFromShape([...row.shape]);
    for (const name in kernel.inputs) {
      if (inputs[name]!.size > 0) {
        this.#backend.uploadToGPU(inputs[name]!.dataId);
      }
    }
    const outputs: Record<string, tf.Tensor> = {};
    for (const name in kernel.outputs) {
      outputs[name] = this.#output(kernel, row, name);
    }
    const uniform = this.#numbers(kernel, row, launch, cell);
    reportRow(kernel, program, row, outputs, uniform);
    if (size === 0) return outputs;
    const shares = sharesOfSum(size);
    const partials = program.sums.map((sums) =>
      this.#room(shares * sums.length)
    );
    const task = { kernel, program, inputs, outputs, size, uniform, partials };
    this.list.push(task);
    return outputs;
  }

  /** As {@linkcode Tasks.#prepare}, for rows whose tensors are small. */
  #preparePack(
    kernel: Kernel,
    rows: readonly PackRow[],
    launch: number,
    outputs: Tensors[],
  ): void {
    const program = programOf(kernel), backend = this.#backend;
    const pack = Pack.of(backend, kernel, rows), { size, starts, slots } = pack;
    const inputs: Record<string, tf.TensorInfo> = { ...slots };
    for (const [name, extent] of Object.entries(kernel.inputs)) {
      if (name in slots) continue;
      if (extent === "one") {
        inputs[name] = rows[0]!.row.inputs[name]!;
        backend.uploadToGPU(inputs[name]!.dataId);
      } else {
        inputs[name] = packed(backend, rows, name, starts, size);
        this.rooms.push(inputs[name]!);
      }
    }
    const results: Record<string, tf.TensorInfo> = { ...slots };
    const fresh = Object.keys(kernel.outputs).filter((x) => !(x in slots));
    for (const name of fresh) results[name] = this.#room(size);
    for (const { row, at } of rows) {
      const own: Record<string, tf.Tensor> = {};
      for (const name in slots) own[name] = row.inputs[name]!;
      for (const name of fresh) own[name] = this.#empty([...row.shape]);
      outputs[at] = own;
    }
    for (const name of fresh) {
      const to = rows.map(({ at }) => outputs[at]![name]!);
      this.results.push({ from: results[name]!, starts, to });
    }
    this.list.push({
      kernel,
      program,
      inputs,
      outputs: results,
      size,
      uniform: this.#numbers(kernel, rows[0]!.row, launch, 0),
      partials: program.sums.map((sums) =>
        this.#room(rows.length * WORKGROUP * sums.length)
      ),
      table: program.sums.length > 0 ? pack.table : undefined,
      rows: rows.length,
    });
  }

  /** The numbers that shaders read. */
  #numbers(
    kernel: Kernel,
    row: Row,
    launch: number,
    cell: number,
  ): GPUBufferBinding | undefined {
    const program = programOf(kernel);
    const fields: UniformField[] = program.host(row.scalars)
      .map((x) => ({ type: "float32", data: [x] }));
    for (const e of program.sums.flat()) {
      const { start, stride, whole } = this.cells[launch]!.get(e)!;
      const part = start + cell * stride;
      fields.push({ type: "uint32", data: [part] });
      fields.push({ type: "uint32", data: [whole ?? part] });
    }
    if (fields.length === 0) return undefined;
    return this.#uniform(fields, row.live !== undefined);
  }

  /** Rows with the same numbers share a buffer, unless replays change them. */
  #uniform(fields: UniformField[], isLive: boolean): GPUBufferBinding {
    if (isLive) return this.#backend.makeUniforms(fields);
    const key = fields.map(({ data }) => data[0]).join();
    let uniform = this.#uniforms.get(key);
    if (!uniform) {
      uniform = this.#backend.makeUniforms(fields);
      this.#uniforms.set(key, uniform);
    }
    return uniform;
  }

  /** The tensor to write: the one to be overwritten, or a new one. */
  #output(kernel: Kernel, { inputs, shape }: Row, name: string): tf.Tensor {
    const { extent } = kernel.outputs[name]!;
    const old = overwrites(kernel, name) ? inputs[name] : undefined;
    if (!old) return this.#empty(extent === "one" ? [] : [...shape]);
    const data = this.#backend.tensorMap.get(old.dataId);
    const uses = Object.keys(kernel.inputs)
      .filter((input) => inputs[input]!.dataId === old.dataId).length;
    if (data.refCount > 1 || uses > 1 || isBeingRead(old.dataId)) {
      return this.#copy(old);
    }
    if (old.size > 0) {
      this.#backend.own(old.dataId);
      data.values = null;
    }
    return old;
  }

  #empty(shape: number[]): tf.Tensor {
    const size = tf.util.sizeFromShape(shape);
    const values = size > 0 ? undefined : new Float32Array(0);
    const info = this.#backend.makeTensorInfo(shape, "float32", values);
    if (size > 0) this.#backend.uploadToGPU(info.dataId);
    return tf.engine().makeTensorFromTensorInfo(info);
  }

  /** `from` in a buffer of its own. */
  #copy(from: tf.Tensor): tf.Tensor {
    const to = this.#empty(from.shape), backend = this.#backend;
    if (from.size === 0) return to;
    const { buffer, size } = bindingOf(backend, from, from.size);
    const target = bindingOf(backend, to, from.size).buffer;
    backend.openEncoder().copyBufferToBuffer(buffer, 0, target, 0, size!);
    return to;
  }
}

/** The tensor's part of its buffer: shaders read its size from this. */
export function bindingOf(
  backend: WebGpuBackend,
  { dataId }: tf.TensorInfo,
  size: number,
): GPUBufferBinding {
  return { buffer: backend.tensorMap.get(dataId).resource!, size: 4 * size };
}

/** Give each sum of each row a cell, and each sum over the step one more. */
function layOut(
  launches: readonly Launch[],
): { cells: Map<Expr, Cells>[]; length: number } {
  let length = 0;
  const wholes = new Map<Expr, number>();
  const cells = launches.map(({ kernel, rows }) => {
    const sums = programOf(kernel).sums.flat();
    const first = length, count = rows.filter((row) => !isEmpty(row)).length;
    length += count * sums.length;
    return new Map(sums.map((e, k): [Expr, Cells] => {
      const isStep = e.head.kind === "sum" && e.head.over === "step";
      if (isStep && !wholes.has(e)) wholes.set(e, length++);
      const [start, stride] = [first + k, sums.length];
      return [e, { start, stride, count, whole: wholes.get(e) }];
    }));
  });
  return { cells, length };
}

function isEmpty({ shape }: Row): boolean {
  return shape.includes(0);
}
