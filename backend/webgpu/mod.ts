import * as tf from "@tensorflow/tfjs-core";
import type { Backend } from "../description.ts";
import { runWebGpu } from "../fusion/webgpu.ts";
import { recordWebGpu } from "../replay/record_webgpu.ts";
import { describeAdapter, findAdapter } from "./adapter.ts";
import { registerWebGpuKernels } from "./fixes.ts";

/** tfjs' WebGPU backend. */
export const webgpu: Backend = {
  async start() {
    const adapter = await findAdapter();
    if (!adapter) {
      throw new Error(
        "Cannot start WebGPU: no graphics adapter was found: use wasm, or install a driver (Debian's mesa-vulkan-drivers has one in software)",
      );
    }
    const name = describeAdapter(adapter.info);
    await import("@tensorflow/tfjs-backend-webgpu");
    if (!await quietly(() => tf.setBackend("webgpu"))) {
      throw new Error(
        `Cannot start WebGPU: tfjs could not use the adapter ${name}`,
      );
    }
    reportErrors();
    registerWebGpuKernels();
    return { adapter: name };
  },
  runLaunches: runWebGpu,
  canOverwrite: false,
  readsAtOnce: false,
  record: recordWebGpu,
};

/** The devices whose errors are reported. */
const watched: WeakSet<object> = new WeakSet();

/** An invalid command drops all that were pending, which WebGPU does not throw. */
function reportErrors() {
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  if (watched.has(device)) return;
  watched.add(device);
  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    console.error(`WebGPU dropped commands: ${error.message}`);
  });
}

/** Run `fn` without what tfjs prints when a backend fails to start. */
async function quietly<T>(fn: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => {};
  try {
    return await fn();
  } finally {
    console.warn = warn;
  }
}
