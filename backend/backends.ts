/**
 * The backends that there are. One is added here: everything else looks up what
 * the current backend has.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { cpu } from "./cpu/mod.ts";
import type { Backend } from "./description.ts";
import { wasm } from "./wasm/mod.ts";

/** WebGPU until it is started: much code, which other backends do without. */
const webgpu: Backend = {
  async start(options) {
    const { webgpu } = await import("./webgpu/mod.ts");
    BACKENDS.set("webgpu", webgpu);
    return await webgpu.start(options);
  },
  canOverwrite: false,
  readsAtOnce: false,
};

/** Backends by tfjs' name. */
export const BACKENDS: Map<string, Backend> = new Map(
  Object.entries({ webgpu, wasm, cpu }),
);

/** The backend that runs the tensors now; undefined for one that is not ours. */
export function currentBackend(): Backend | undefined {
  return BACKENDS.get(tf.getBackend());
}
