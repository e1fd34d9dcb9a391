/**
 * Chooses and starts the machine that runs the tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { registerCpuKernels } from "./cpu/fixes.ts";
import { registerWasmKernels } from "./wasm/kernels/mod.ts";
import { startWasm } from "./wasm/machine/start.ts";
import { registerWebGpuKernels } from "./webgpu/fixes.ts";

/** A backend. */
export type BackendName = "webgpu" | "wasm" | "cpu";

/** Options of {@linkcode useBackend}. */
export interface BackendOptions {
  /** Threads on WASM. Default: the machine's cores. */
  readonly threads?: number;
}

/** What runs the tensors. */
export interface BackendInfo {
  /** The backend chosen. */
  readonly backend: BackendName;
  /** Threads that kernels may use: 1 except on WASM. */
  readonly threads: number;
  /** Whether kernels use 128-bit SIMD: on WASM. */
  readonly simd: boolean;
  /** The graphics adapter, on WebGPU. */
  readonly adapter: string | undefined;
  /** Versions of what it rests on. */
  readonly versions: {
    /** Of tfjs. */
    readonly tfjs: string;
    /** Of Deno, if it runs there. */
    readonly deno: string | undefined;
  };
}

const NAMES: readonly string[] = ["auto", "webgpu", "wasm", "cpu"];

let current: BackendInfo | undefined;

/**
 * Start a backend and make it the current one. Call it, and await it, before
 * making tensors; tensors do not move between backends.
 *
 * - `"auto"` is the backend that `BRAINTAPE_BACKEND` names, where reading that
 *   variable is permitted already; else WebGPU if there is a graphics adapter
 *   that is not emulated in software; else WASM.
 * - `"webgpu"` needs no permission. Values are read with `await x.data()` only.
 * - `"wasm"` needs `--allow-read` under Deno.
 * - `"cpu"` is plain JavaScript: slow, everywhere, for reference.
 *
 * It prints nothing.
 *
 * @example Usage
 * ```ts
 * import { backendInfo, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const { backend } = await useBackend("cpu");
 * assertEquals(backend, "cpu");
 * assertEquals(backendInfo().threads, 1);
 * ```
 *
 * @param name Which backend. Default: `"auto"`.
 * @param options See {@linkcode BackendOptions}.
 * @returns What was chosen.
 * @throws {RangeError} If the name is unknown, or `threads` no positive integer.
 * @throws {Error} If the backend named cannot start here; the message says why.
 */
export async function useBackend(
  name: "auto" | BackendName = "auto",
  options: BackendOptions = {},
): Promise<BackendInfo> {
  checkName("use backend", name);
  const { threads = globalThis.navigator?.hardwareConcurrency ?? 1 } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(
      `Cannot use backend ${name}: threads must be a positive integer: current value is ${threads}`,
    );
  }
  const chosen = name === "auto" ? await choose() : name;
  const details = await START[chosen](threads);
  current = {
    backend: chosen,
    threads: 1,
    simd: false,
    adapter: undefined,
    ...details,
    versions: {
      tfjs: tf.version_core,
      deno: globalThis.Deno?.version.deno,
    },
  };
  return current;
}

/**
 * What runs the tensors now.
 *
 * @returns What {@linkcode useBackend} chose.
 * @throws {Error} If it has not been called.
 */
export function backendInfo(): BackendInfo {
  if (current) return current;
  throw new Error(
    "Cannot tell the backend: call `await useBackend()` first",
  );
}

function checkName(
  action: string,
  name: string,
): asserts name is "auto" | BackendName {
  if (NAMES.includes(name)) return;
  throw new RangeError(
    `Cannot ${action}: the name must be one of ${
      NAMES.join(", ")
    }: current value is ${name}`,
  );
}

async function choose(): Promise<BackendName> {
  const wanted = variable("BRAINTAPE_BACKEND");
  if (wanted !== undefined) {
    checkName("use BRAINTAPE_BACKEND", wanted);
    if (wanted !== "auto") return wanted;
  }
  const adapter = await findAdapter();
  return adapter && !isSoftware(adapter) ? "webgpu" : "wasm";
}

/** An environment variable, if reading it is permitted without asking. */
function variable(name: string): string | undefined {
  return mayUse(name) ? Deno.env.get(name) || undefined : undefined;
}

function mayUse(variable: string): boolean {
  const query = { name: "env", variable } as const;
  const { state } = globalThis.Deno?.permissions.querySync(query) ?? {};
  return state === "granted";
}

async function findAdapter(): Promise<GPUAdapter | null> {
  // Without this variable graphics drivers print errors of no consequence.
  const folder = "XDG_RUNTIME_DIR";
  if (mayUse(folder) && variable(folder) === undefined) {
    if (Deno.build.os === "linux") Deno.env.set(folder, "/tmp");
  }
  return await globalThis.navigator?.gpu?.requestAdapter() ?? null;
}

function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|software/i.test(describe(info));
}

function describe(info: GPUAdapterInfo): string {
  return [info.description, info.device, info.architecture, info.vendor]
    .find((text) => text && text !== "0") ?? "unknown";
}

const START: Record<
  BackendName,
  (threads: number) => Promise<Partial<BackendInfo>>
> = {
  async webgpu() {
    const adapter = await findAdapter();
    if (!adapter) {
      throw new Error(
        "Cannot start WebGPU: no graphics adapter was found: use wasm, or install a driver (Debian's mesa-vulkan-drivers has one in software)",
      );
    }
    await import("@tensorflow/tfjs-backend-webgpu");
    if (!await quietly(() => tf.setBackend("webgpu"))) {
      throw new Error(
        `Cannot start WebGPU: tfjs could not use the adapter ${
          describe(adapter.info)
        }`,
      );
    }
    reportErrors();
    registerWebGpuKernels();
    return { adapter: describe(adapter.info) };
  },
  async wasm(threads) {
    const started = await startWasm(threads);
    await registerWasmKernels();
    return started;
  },
  async cpu() {
    await import("@tensorflow/tfjs-backend-cpu");
    await tf.setBackend("cpu");
    // Else tfjs advises to install its Node backend.
    (tf.backend() as unknown as { firstUse: boolean }).firstUse = false;
    registerCpuKernels();
    return {};
  },
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
