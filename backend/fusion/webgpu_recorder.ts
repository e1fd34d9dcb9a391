/**
 * Records the commands of a step into the encoder of tfjs' WebGPU backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../webgpu/backend.ts";
import type { Launch } from "./kernel.ts";
import { LARGEST } from "./webgpu_packs.ts";
import { compile } from "./webgpu_pipeline.ts";
import { programOf } from "./webgpu_program.ts";
import { bindingOf, type Task, type Tasks } from "./webgpu_tasks.ts";
import { GATHER, type Shader, sharesOfSum, WORKGROUP } from "./wgsl_shader.ts";

/** Gives the commands of a step. */
export class Recorder {
  readonly #backend: WebGpuBackend;
  readonly #launches: readonly Launch[];
  readonly #tasks: Tasks;

  constructor(
    backend: WebGpuBackend,
    launches: readonly Launch[],
    tasks: Tasks,
  ) {
    this.#backend = backend;
    this.#launches = launches;
    this.#tasks = tasks;
  }

  /** Record all, and submit it. */
  record(): void {
    const passes = Math.max(
      0,
      ...this.#tasks.list.map(({ program }) => program.sums.length),
    );
    for (let pass = 0; pass <= passes; pass++) {
      for (const task of this.#tasks.list) {
        const { last } = task.program.shaders;
        this.#sum(task, pass);
        if (pass === task.program.sums.length) {
          this.#dispatch(last, this.#workgroups(task.size), task, pass);
        }
      }
      this.#gather(pass);
    }
    this.#copyResults();
    for (const { dataId } of this.#tasks.rooms) {
      this.#backend.disposeData(dataId);
    }
    this.#backend.submitQueue();
  }

  /** The sums of a pass over each row. */
  #sum(task: Task, pass: number): void {
    const { size, rows = 1, table } = task;
    const { sums, packedSums } = task.program.shaders;
    const sum = (table ? packedSums : sums)[pass];
    if (!sum) return;
    const shares = sharesOfSum(table ? LARGEST : size);
    this.#dispatch(sum.parts, [shares, rows], task, pass);
    this.#dispatch(sum.whole, [rows, 1], task, pass);
  }

  #copyResults(): void {
    if (this.#tasks.results.length === 0) return;
    const encoder = this.#backend.openEncoder();
    for (const { from, starts, to } of this.#tasks.results) {
      const { buffer } = bindingOf(this.#backend, from, 0);
      to.forEach((x, i) => {
        const target = bindingOf(this.#backend, x, x.size);
        encoder.copyBufferToBuffer(
          buffer,
          4 * starts[i]!,
          target.buffer,
          0,
          target.size!,
        );
      });
    }
  }

  /** Add up the sums of all rows, of those that go over the step. */
  #gather(pass: number): void {
    const begun = new Set<number>();
    this.#tasks.cells.forEach((cells, launch) => {
      const { kernel } = this.#launches[launch]!;
      const sums = programOf(kernel).sums[pass] ?? [];
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
            kind === "uniform" ? uniform : bindingOf(
              this.#backend,
              this.#tasks.totals!,
              tf.util.sizeFromShape(this.#tasks.totals!.shape),
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
      bindingOf(this.#backend, x, tf.util.sizeFromShape(x.shape));
    this.#record(shader, groups, (kind, name) => {
      switch (kind) {
        case "input":
          return sized(task.inputs[name]!);
        case "output":
          return sized(task.outputs[name]!);
        case "partials":
          return sized(task.partials[pass]!);
        case "totals":
          return sized(this.#tasks.totals!);
        case "table":
          return sized(task.table!);
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
