import { deno } from "../../internal/system/system.ts";
import { mayUse, variable } from "../environment.ts";

/** The graphics adapter; null where there is none. */
export async function findAdapter(): Promise<GPUAdapter | null> {
  // Without this variable graphics drivers print errors of no consequence.
  const folder = "XDG_RUNTIME_DIR";
  if (mayUse(folder) && variable(folder) === undefined) {
    if (deno?.build.os === "linux") deno.env.set(folder, "/tmp");
  }
  // Of two cards the faster one.
  const wanted = { powerPreference: "high-performance" } as const;
  return await globalThis.navigator?.gpu?.requestAdapter(wanted) ?? null;
}

/** Whether an adapter is emulated by the processor. */
export function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|software/i.test(describeAdapter(info));
}

/** The most telling name that an adapter has. */
export function describeAdapter(info: GPUAdapterInfo): string {
  return [info.description, info.device, info.architecture, info.vendor]
    .find((text) => text && text !== "0") ?? "unknown";
}
