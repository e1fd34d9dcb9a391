/** What the device is asked to do. */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";

/** Close the device, with all that is on it: the next `useBackend` opens another. */
export function closeDevice(): void {
  const backend = engine().registry["webgpu"] as
    | { device?: GPUDevice }
    | undefined;
  if (!backend) return;
  tf.removeBackend("webgpu");
  backend.device?.destroy();
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Calls of the device by name. */
export type Counts = Record<
  | "copyBufferToBuffer"
  | "createBindGroup"
  | "createBuffer"
  | "createCommandEncoder"
  | "dispatchWorkgroups"
  | "submit"
  | "writeBuffer",
  number
>;

/** Count what the device is asked to do while `fn` runs. */
export async function counting(
  fn: () => void | Promise<void>,
): Promise<Counts> {
  const { device, queue } = webGpuBackend();
  const counts = {} as Counts;
  const restore: (() => void)[] = [];
  const count = (target: object, name: keyof Counts) => {
    const methods = target as Methods, isOwn = Object.hasOwn(target, name);
    const method = methods[name]!;
    counts[name] = 0;
    methods[name] = function (...args) {
      counts[name]++;
      return method.apply(this, args);
    };
    restore.push(() => {
      if (isOwn) methods[name] = method;
      else delete methods[name];
    });
  };
  count(device, "createBindGroup");
  count(device, "createBuffer");
  count(device, "createCommandEncoder");
  count(queue, "submit");
  count(queue, "writeBuffer");
  count(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
  count(GPUCommandEncoder.prototype, "copyBufferToBuffer");
  try {
    await fn();
  } finally {
    for (const undo of restore) undo();
  }
  return counts;
}

/** What WebGPU promises of every device. */
export const LEAST_LIMITS: Readonly<Record<string, number>> = {
  maxBufferSize: 268435456,
  maxStorageBufferBindingSize: 134217728,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** Run `fn` with adapters that lack a feature, or have the least limits. */
export async function withAdapter<T>(
  { without, limits }: {
    without?: string;
    limits?: Readonly<Record<string, number>>;
  },
  fn: () => Promise<T>,
): Promise<T> {
  const { gpu } = navigator;
  const find = gpu.requestAdapter.bind(gpu);
  const lesser = async () => {
    const adapter = await find();
    return adapter && {
      info: adapter.info,
      features: new Set([...adapter.features].filter((x) => x !== without)),
      limits: limits ?? adapter.limits,
      requestDevice(wanted: GPUDeviceDescriptor) {
        const { requiredFeatures = [], requiredLimits = {} } = wanted;
        if ([...requiredFeatures].includes(without as GPUFeatureName)) {
          return Promise.reject(new TypeError(`${without} is withheld`));
        }
        for (const [name, limit] of Object.entries(limits ?? {})) {
          if (requiredLimits[name]! > limit) {
            return Promise.reject(new TypeError(`${name} is too large`));
          }
        }
        return adapter.requestDevice(wanted);
      },
    };
  };
  Object.defineProperty(gpu, "requestAdapter", {
    value: lesser,
    configurable: true,
  });
  try {
    return await fn();
  } finally {
    Reflect.deleteProperty(gpu, "requestAdapter");
  }
}
