/**
 * The device: what it is asked for, and what it got.
 *
 * @module
 */

import { deno } from "../../../internal/system/system.ts";

/** Features that are used where a device has them: the last one to draw on canvases. */
const FEATURES: readonly string[] = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "bgra8unorm-storage",
];

/** Limits that are asked for up to what the adapter has. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** The limits of a device that kernels heed. */
export type DeviceLimits = Readonly<Record<typeof LIMITS[number], number>>;

/**
 * A device with all that kernels use and its adapter has. Each request takes an
 * adapter of its own, since an adapter gives one device.
 *
 * @param find Finds the adapter.
 * @returns The device; null without an adapter.
 */
export async function openDevice(
  find: () => Promise<GPUAdapter | null>,
): Promise<GPUDevice | null> {
  const adapter = await find();
  if (!adapter) return null;
  const device = await deviceOf(adapter, find);
  // Left to the end of the process, a device has crashed software Vulkan there.
  if (deno) addEventListener("unload", () => device.destroy());
  return device;
}

async function deviceOf(
  adapter: GPUAdapter,
  find: () => Promise<GPUAdapter | null>,
): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) {
    const limit = adapter.limits[name];
    if (limit !== undefined) requiredLimits[name] = limit;
  }
  const listed = FEATURES.filter((name) =>
    adapter.features.has(name as GPUFeatureName)
  );
  // Deno 2.9 does not list subgroups where it has them.
  const hidden = ["subgroups"].filter((name) => !listed.includes(name));
  try {
    return await adapter.requestDevice({
      requiredFeatures: [...listed, ...hidden] as GPUFeatureName[],
      requiredLimits,
    });
  } catch {
    return await (await find())!.requestDevice({
      requiredFeatures: listed as GPUFeatureName[],
      requiredLimits,
    });
  }
}

/** Which of the features that are used a device has. */
export function featuresOf({ features }: GPUDevice): string[] {
  return FEATURES.filter((name) => features.has(name as GPUFeatureName));
}

/** The limits that kernels heed. */
export function limitsOf({ limits }: GPUDevice): DeviceLimits {
  return Object.fromEntries(
    LIMITS.map((name) => [name, limits[name]]),
  ) as DeviceLimits;
}
