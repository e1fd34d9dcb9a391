/**
 * Starts tfjs' WebAssembly backend, with threads wherever memory can be shared.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { disposePrograms } from "../../replay/program.ts";
import { engine } from "../../../internal/engine.ts";
import { anySystem } from "../../../internal/system/system.ts";
import { guardMemory, type WasmModule } from "./backend.ts";
import { type Compiled, prepare, useCompiled } from "./functions.ts";
import type { Starting } from "./emscripten.ts";
import type { WasmPaths } from "./paths.ts";
import { startWorkers } from "./workers.ts";

/** What was started. */
export interface WasmStart {
  /** Threads that kernels may use. */
  readonly threads: number;
  /** Whether the module uses 128-bit SIMD. */
  readonly simd: boolean;
}

/** The start that the registered backend came from. */
let started: WasmStart | undefined;

/**
 * Make tfjs' WASM backend with `threads` threads the current one, and our functions
 * run in its memory.
 *
 * @param threads At least 1; a running backend is started anew for another number,
 * if it holds no tensors.
 * @param scratch Bytes of scratch memory for each thread.
 * @param paths Where the `.wasm` files are, in browsers.
 * @throws {Error} If the `.wasm` file cannot be read, or if tensors live in a
 * backend with another number of threads.
 */
export async function startWasm(
  threads: number,
  scratch: number,
  paths?: WasmPaths,
): Promise<WasmStart> {
  // Pages share memory with workers only where they are isolated from others.
  const { crossOriginIsolated } = globalThis as {
    readonly crossOriginIsolated?: boolean;
  };
  if (!anySystem && !crossOriginIsolated) threads = 1;
  if (started?.threads === threads && await tf.setBackend("wasm")) {
    return started;
  }
  disposePrograms();
  refuseToLose(threads);
  return started = await start(threads, scratch, paths);
}

/** Throw if starting anew would lose tensors. */
function refuseToLose(threads: number) {
  const running = engine().registry["wasm"] as
    | { numDataIds(): number }
    | undefined;
  const count = running?.numDataIds() ?? 0;
  if (count === 0 || !started) return;
  throw new Error(
    `Cannot start WASM with ${threads} threads: it runs with ${started.threads}, and ${count} tensors live there: choose the number before making tensors`,
  );
}

/** Begin to start tfjs' module. */
async function begin(
  threads: number,
  paths: WasmPaths | undefined,
): Promise<Starting> {
  if (anySystem) return await (await import("./deno.ts")).begin(threads);
  return await (await import("./browser.ts")).begin(threads, paths);
}

async function start(
  threads: number,
  scratch: number,
  paths: WasmPaths | undefined,
): Promise<WasmStart> {
  const { BackendWasm, setThreadsCount } = await import(
    "@tensorflow/tfjs-backend-wasm"
  );
  const ours = await startWorkers(threads - 1);
  const theirs: { terminate(): unknown; unref?(): void }[] = [];
  let wasm: WasmModule, prepared: Compiled;
  try {
    const { ready } = await begin(threads, paths);
    wasm = await ready;
    const { unusedWorkers = [], runningWorkers = [] } = wasm.PThread ?? {};
    theirs.push(...unusedWorkers, ...runningWorkers);
    guardMemory(wasm);
    prepared = await prepare(wasm, scratch, ours);
    // Tensors may have been made while this one was being prepared.
    refuseToLose(threads);
  } catch (error) {
    for (const worker of [...ours, ...theirs]) worker.terminate();
    throw error;
  }
  // No other code runs between these lines, up to the await.
  setThreadsCount(anySystem ? threads : 1);
  tf.removeBackend("wasm");
  const Backend = BackendWasm as unknown as new (
    wasm: WasmModule,
  ) => tf.KernelBackend;
  tf.registerBackend("wasm", () => new Backend(wasm), 2);
  const isCurrent = tf.setBackend("wasm");
  useCompiled(prepared);
  await isCurrent;
  // Else tfjs' workers keep the process from ending.
  for (const worker of theirs) worker.unref?.();
  return { threads, simd: true };
}
