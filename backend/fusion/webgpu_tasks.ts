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
import { acquire, Pack, type Packed } from "./webgpu_pack.ts";
import { packable, type PackRow, slotsOf } from "./webgpu_packable.ts";
import { type Program, programOf } from "./webgpu_program.ts";
import { reportPack, reportRow } from "./webgpu_report.ts";
import { overwrites } from "./wgsl.ts";
import { sharesOfSum, WORKGROUP } from "./wgsl_shader.ts";

/** A row, or a pack of them: tensors, scalars, and partial sums. */
export interface Task {
  readonly program: Program;
  readonly inputs: Named<GPUBufferBinding>;
  readonly outputs: Named<GPUBufferBinding>;
  readonly size: number;
  readonly uniform: GPUBufferBinding | undefined;
  /** Of each pass: room for the sums of workgroups. */
  readonly partials: readonly GPUBufferBinding[];
  /** What says where the rows of a pack lie, and how many they are. */
  readonly table?: GPUBufferBinding | undefined;
  readonly rows?: number;
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
  /** What is done when all commands are given. */
  readonly last: (() => void)[] = [];
  /** Where the sums of each launch are. */
  readonly cells: readonly ReadonlyMap<Expr, Cells>[];
  /** All sums. */
  readonly totals: GPUBufferBinding | undefined;
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
  #room(length: number): GPUBufferBinding {
    const backend = this.#backend, buffer = acquire(backend, length);
    this.last.push(() => backend.bufferManager.releaseBuffer(buffer));
    return { buffer, size: 4 * length };
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
    this.list.push({
      program,
      inputs: this.#bindings(kernel.inputs, inputs),
      outputs: this.#bindings(kernel.outputs, outputs),
      size,
      uniform,
      partials,
    });
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
    const uniform = this.#numbers(kernel, rows[0]!.row, launch, 0);
    reportPack(kernel, program, rows, slotsOf(kernel), uniform);
    const pack = Pack.of(backend, kernel, rows), { size, slots } = pack;
    const whole = (buffer: GPUBuffer) => ({ buffer, size: 4 * size });
    const inputs: Record<string, GPUBufferBinding> = {};
    const gathered: Record<string, GPUBuffer> = {};
    for (const [name, extent] of Object.entries(kernel.inputs)) {
      if (slots[name]) inputs[name] = whole(slots[name]);
      else if (extent === "each") {
        inputs[name] = whole(gathered[name] = pack.input(rows, name));
      } else {
        const x = rows[0]!.row.inputs[name]!;
        backend.uploadToGPU(x.dataId);
        inputs[name] = bindingOf(backend, x, 1);
      }
    }
    const results: Record<string, GPUBufferBinding> = {};
    const fresh: Record<string, Packed> = {};
    for (const name in kernel.outputs) {
      const buffer = slots[name] ?? acquire(backend, size);
      results[name] = whole(buffer);
      const made = rows.map(({ row, at }) => {
        const x = slots[name] ? row.inputs[name]! : this.#empty([...row.shape]);
        outputs[at] = { ...outputs[at], [name]: x };
        return x.dataId;
      });
      if (!slots[name]) fresh[name] = { buffer, of: made };
    }
    this.last.push(() => {
      for (const { buffer, of } of Object.values(fresh)) {
        pack.scatter(buffer, of);
      }
      pack.finish(gathered, fresh);
    });
    const { length } = rows, table = program.sums.length > 0;
    this.list.push({
      program,
      inputs,
      outputs: results,
      size,
      uniform,
      partials: program.sums.map((sums) =>
        this.#room(length * WORKGROUP * sums.length)
      ),
      table: table ? { buffer: pack.table, size: 16 * length } : undefined,
      rows: length,
    });
  }

  #bindings(
    names: Named<unknown>,
    tensors: Tensors,
  ): Named<GPUBufferBinding> {
    const bindings: Record<string, GPUBufferBinding> = {};
    for (const name in names) {
      const x = tensors[name]!;
      bindings[name] = bindingOf(this.#backend, x, x.size);
    }
    return bindings;
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
