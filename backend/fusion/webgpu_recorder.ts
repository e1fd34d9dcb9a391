/**
 * Records the commands of a step into the encoder of tfjs' WebGPU backend.
 *
 * @module
 */
import type { WebGpuBackend } from "../webgpu/backend.ts";
import type { Launch } from "./kernel.ts";
import { LARGEST } from "./webgpu_packable.ts";
import { compile } from "./webgpu_pipeline.ts";
import { programOf } from "./webgpu_program.ts";
import type { Task, Tasks } from "./webgpu_tasks.ts";
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
    for (const finish of this.#tasks.last) finish();
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
          (kind) => kind === "uniform" ? uniform : this.#tasks.totals!,
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
    this.#record(shader, groups, (kind, name) => {
      switch (kind) {
        case "input":
          return task.inputs[name]!;
        case "output":
          return task.outputs[name]!;
        case "partials":
          return task.partials[pass]!;
        case "totals":
          return this.#tasks.totals!;
        case "table":
          return task.table!;
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
