import { nodeProcess } from "../../internal/system/builtin.ts";
import { deno } from "../../internal/system/system.ts";
import { mayUse, variable } from "../environment.ts";

/** What npm's package `webgpu`, which brings Dawn to Node, exports. */
interface DawnModule {
  /** WebGPU. */
  create(options: readonly string[]): GPU;
  /** Constants and classes that are global in browsers. */
  readonly globals: object;
}

let dawn: Promise<GPU | undefined> | undefined;

/** WebGPU of the package `webgpu`; undefined where it is not installed. */
async function startDawn(): Promise<GPU | undefined> {
  // Not a constant: bundlers for browsers would look for the package.
  const name = ["web", "gpu"].join("");
  let module: DawnModule;
  try {
    module = await import(name) as DawnModule;
  } catch {
    return undefined;
  }
  const gpu = module.create([]);
  Object.assign(globalThis, module.globals);
  // tfjs looks for it there.
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  return gpu;
}

/** WebGPU of the browser or of Deno; in Node and Bun that of the package `webgpu`. */
async function findGpu(): Promise<GPU | undefined> {
  const { gpu } = globalThis.navigator ?? {};
  if (gpu || deno || !nodeProcess()) return gpu;
  return await (dawn ??= startDawn());
}

/** The graphics adapter; null where there is none. */
export async function findAdapter(): Promise<GPUAdapter | null> {
  // Without this variable graphics drivers print errors of no consequence.
  const folder = "XDG_RUNTIME_DIR";
  if (mayUse(folder) && variable(folder) === undefined) {
    if (deno?.build.os === "linux") deno.env.set(folder, "/tmp");
  }
  // Of two cards the faster one.
  const wanted = { powerPreference: "high-performance" } as const;
  const gpu = await findGpu();
  return await gpu?.requestAdapter(wanted) ?? null;
}

/** What to do where there is no adapter. */
export function adviceOnAdapters(): string {
  const isNode = !deno && nodeProcess() !== undefined;
  return isNode && !globalThis.navigator?.gpu
    ? "use wasm, or install npm's package webgpu, which brings WebGPU to Node"
    : "use wasm, or install a driver (Debian's mesa-vulkan-drivers has one in software)";
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
