import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import type { Backend } from "../description.ts";
import { runWebGpu } from "../fusion/webgpu.ts";
import { recordWebGpu } from "../replay/record_webgpu.ts";
import { adviceOnAdapters, describeAdapter, findAdapter } from "./adapter.ts";
import { type TfjsBackend, webGpuBackend } from "./backend.ts";
import { registerWebGpuKernels } from "./fixes.ts";
import { type BackendClass, withCommands } from "./machine/commands.ts";
import { featuresOf, limitsOf, openDevice } from "./machine/device.ts";

/** tfjs' WebGPU backend, on a device of ours. */
export const webgpu: Backend = {
  async start({ precision }) {
    const adapter = await findAdapter();
    if (!adapter) {
      throw new Error(
        `Cannot start WebGPU: no graphics adapter was found: ${adviceOnAdapters()}`,
      );
    }
    const name = describeAdapter(adapter.info);
    if (precision === "mixed" && !adapter.features.has("shader-f16")) {
      throw new Error(
        `Cannot start WebGPU: precision "mixed" needs an adapter with shader-f16, which ${name} lacks: use "full"`,
      );
    }
    await register(adapter.info);
    if (!await quietly(() => tf.setBackend("webgpu"))) {
      throw new Error(
        `Cannot start WebGPU: tfjs could not use the adapter ${name}`,
      );
    }
    registerWebGpuKernels();
    const { device } = webGpuBackend();
    return {
      adapter: name,
      features: featuresOf(device),
      limits: limitsOf(device),
    };
  },
  runLaunches: runWebGpu,
  canOverwrite: false,
  readsAtOnce: false,
  record: recordWebGpu,
};

/** What makes the backends that are ours. */
const factories: WeakSet<object> = new WeakSet();

/** Put a backend of ours in place of the one that tfjs' package registers. */
async function register(info: GPUAdapterInfo): Promise<void> {
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  const registered = engine().registryFactory["webgpu"];
  if (registered && factories.has(registered.factory)) return;
  const Commands = withCommands(
    WebGPUBackend as unknown as BackendClass<TfjsBackend>,
  );
  const factory = async () => {
    const device = await openDevice(findAdapter);
    reportErrors(device!);
    return new Commands(device!, info) as unknown as tf.KernelBackend;
  };
  factories.add(factory);
  if (registered) tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", factory, registered?.priority);
}

/** An invalid command drops all that were pending, which WebGPU does not throw. */
function reportErrors(device: GPUDevice): void {
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
