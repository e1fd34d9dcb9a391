/**
 * Records the commands of a step into the encoder of tfjs' WebGPU backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensors } from "../../tensors.ts";
import type { UniformField, WebGpuBackend } from "../webgpu/backend.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import type { Expr } from "./expr.ts";
import type { Kernel, Launch, Row } from "./kernel.ts";
import { compile } from "./webgpu_pipeline.ts";
import { type Program, programOf } from "./webgpu_program.ts";
import { reportRow } from "./webgpu_report.ts";
import { GATHER, overwrites, type Shader, WORKGROUP } from "./wgsl.ts";

/** A row being recorded: its tensors, its scalars, and its partial sums. */
interface Task {
  readonly kernel: Kernel;
  readonly program: Program;
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly size: number;
  readonly uniform: GPUBufferBinding | undefined;
  /** Of each pass: room for the sums of workgroups. */
  readonly partials: readonly tf.TensorInfo[];
}

/** Elements of the array of sums that belong to an expression. */
interface Cells {
  /** The first row's. */
  readonly start: number;
  /** From one row to the next. */
  readonly stride: number;
  readonly count: number;
  /** Where the sum over the step goes, if it is one. */
  readonly whole: number | undefined;
}

/** Tensors to write, and the commands that write them. */
export class Recorder {
  readonly outputs: Tensors[][];
  readonly #backend: WebGpuBackend;
  readonly #tasks: readonly (readonly Task[])[];
  readonly #cells: readonly ReadonlyMap<Expr, Cells>[];
  readonly #totals: tf.TensorInfo | undefined;
  readonly #uniforms = new Map<string, GPUBufferBinding>();

  constructor(backend: WebGpuBackend, launches: readonly Launch[]) {
    this.#backend = backend;
    const { cells, length } = layOut(launches);
    this.#cells = cells;
    this.#totals = length ? this.#room(length) : undefined;
    this.#tasks = launches.map(({ kernel, rows }, k) => {
      let i = 0; // rows without elements have no sums
      return rows.map((row) =>
        this.#prepare(kernel, row, k, isEmpty(row) ? i : i++)
      );
    });
    this.outputs = this.#tasks.map((of) => of.map(({ outputs }) => outputs));
  }

  /** A buffer of `length` floats for intermediate results of shaders. */
  #room(length: number): tf.TensorInfo {
    const info = this.#backend.makeTensorInfo([length], "float32");
    this.#backend.uploadToGPU(info.dataId);
    return info;
  }

  /** Upload and allocate all: it may end the open pass, so it comes first. */
  #prepare(kernel: Kernel, row: Row, launch: number, i: number): Task {
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
    const fields: UniformField[] = program.host(row.scalars)
      .map((x) => ({ type: "float32", data: [x] }));
    for (const e of program.sums.flat()) {
      const { start, stride, whole } = this.#cells[launch]!.get(e)!;
      const part = start + i * stride;
      fields.push({ type: "uint32", data: [part] });
      fields.push({ type: "uint32", data: [whole ?? part] });
    }
    const groups = workgroupsOfSum(size);
    const isLive = row.live !== undefined;
    const uniform = fields.length ? this.#uniform(fields, isLive) : undefined;
    reportRow(kernel, program, row, outputs, uniform);
    return {
      kernel,
      program,
      inputs,
      outputs,
      size,
      uniform,
      partials: program.sums.map((sums) => this.#room(groups * sums.length)),
    };
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
    const { buffer, size } = this.#binding(from, from.size);
    const target = this.#binding(to, from.size).buffer;
    backend.openEncoder().copyBufferToBuffer(buffer, 0, target, 0, size!);
    return to;
  }

  /** The tensor's part of its buffer: the shader reads its size from this. */
  #binding(x: tf.TensorInfo, size: number): GPUBufferBinding {
    const buffer = this.#backend.tensorMap.get(x.dataId).resource!;
    return { buffer, size: 4 * size };
  }

  record(): void {
    const backend = this.#backend,
      tasks = this.#tasks.flat()
        .filter(({ size }) => size > 0);
    const passes = Math.max(
      0,
      ...tasks.map(({ program }) => program.sums.length),
    );
    for (let pass = 0; pass <= passes; pass++) {
      for (const task of tasks) {
        const { sums, last } = task.program.shaders, sum = sums[pass];
        if (sum) {
          const groups = workgroupsOfSum(task.size);
          this.#dispatch(sum.parts, [groups, 1], task, pass);
          this.#dispatch(sum.whole, [1, 1], task, pass);
        }
        if (pass === sums.length) {
          this.#dispatch(last, this.#workgroups(task.size), task, pass);
        }
      }
      this.#gather(pass);
    }
    const rooms = tasks.flatMap(({ partials }) => partials);
    if (this.#totals) rooms.push(this.#totals);
    for (const { dataId } of rooms) backend.disposeData(dataId);
    backend.submitQueue();
  }

  /** Add up the sums of all rows, of those that go over the step. */
  #gather(pass: number): void {
    const begun = new Set<number>();
    this.#cells.forEach((cells, launch) => {
      const sums = this.#tasks[launch]![0]?.program.sums[pass] ?? [];
      for (const e of sums) {
        const { start, stride, count, whole } = cells.get(e)!;
        if (whole === undefined) continue;
        const adds = begun.has(whole) ? 1 : 0;
        begun.add(whole);
        const uniform = this.#backend.makeUniforms(
          [start, stride, count, whole, adds]
            .map((x) => ({ type: "uint32", data: [x] })),
        );
        this.#record(
          GATHER,
          [1, 1],
          (kind) =>
            kind === "uniform" ? uniform : this.#binding(
              this.#totals!,
              tf.util.sizeFromShape(this.#totals!.shape),
            ),
        );
      }
    });
  }

  #dispatch(
    shader: Shader,
    groups: [number, number],
    task: Task,
    pass: number,
  ): void {
    const sized = (x: tf.TensorInfo) =>
      this.#binding(x, tf.util.sizeFromShape(x.shape));
    this.#record(shader, groups, (kind, name) => {
      switch (kind) {
        case "input":
          return sized(task.inputs[name]!);
        case "output":
          return sized(task.outputs[name]!);
        case "partials":
          return sized(task.partials[pass]!);
        case "totals":
          return sized(this.#totals!);
        case "uniform":
          return task.uniform!;
      }
    });
  }

  #record(
    shader: Shader,
    groups: [number, number],
    resourceOf: (
      kind: Shader["bindings"][number]["kind"],
      name: string,
    ) => GPUBufferBinding,
  ): void {
    const { device, pipelineCache } = this.#backend;
    const pipeline = pipelineCache[shader.code] ??= compile(device, shader);
    const bindings = shader.bindings.map((bound) =>
      resourceOf(bound.kind, "name" in bound ? bound.name : "")
    );
    this.#backend.dispatch(pipeline, bindings, [...groups, 1]);
  }

  /** How many workgroups to dispatch along x and y for `size` elements: each axis is limited. */
  #workgroups(size: number): [number, number] {
    const { maxComputeWorkgroupsPerDimension } = this.#backend.device.limits;
    const count = Math.ceil(size / WORKGROUP);
    const x = Math.min(count, maxComputeWorkgroupsPerDimension);
    return [x, Math.ceil(count / x)];
  }
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

/** How many workgroups add up `size` elements: each thread adds several. */
function workgroupsOfSum(size: number): number {
  return Math.max(1, Math.min(WORKGROUP, Math.ceil(size / (4 * WORKGROUP))));
}
