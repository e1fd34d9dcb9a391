/**
 * Runs kernels on the tensors of tfjs' WebGPU backend.
 *
 * Commands join the encoder in which tfjs collects its own: they run after the
 * gradients that tfjs recorded before, and before what it records next.
 *
 * @module
 */
import type { Tensors } from "../../tensors.ts";
import { webGpuBackend } from "../webgpu/backend.ts";
import { runComposed } from "./composed.ts";
import { checkRow, type Launch } from "./kernel.ts";
import { programOf } from "./webgpu_program.ts";
import { Recorder } from "./webgpu_recorder.ts";
import { Tasks } from "./webgpu_tasks.ts";

/** Run `launches` in one pass of tfjs' encoder, and submit it. */
export function runWebGpu(launches: readonly Launch[]): Tensors[][] {
  // One invalid command voids all that are pending, tfjs' too: throw before.
  for (const { kernel, rows } of launches) {
    for (const row of rows) checkRow(kernel, row);
  }
  const backend = webGpuBackend();
  const limit = backend.device.limits.maxStorageBuffersPerShaderStage;
  if (launches.some(({ kernel }) => programOf(kernel).buffers > limit)) {
    return runComposed(launches);
  }
  const tasks = new Tasks(backend, launches);
  new Recorder(backend, launches, tasks).record();
  return tasks.outputs;
}
