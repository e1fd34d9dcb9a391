/**
 * Starts tfjs' WebAssembly backend: under Deno with threads, which tfjs itself
 * turns off there; in a browser as tfjs does.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { guardMemory, type WasmModule } from "./backend.ts";

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
 * Make tfjs' WASM backend with `threads` threads the current one.
 *
 * @param threads At least 1; a running backend is started anew for another
 * number, which its tensors would not survive.
 * @throws {Error} If the `.wasm` file cannot be read, or if tensors live in a
 * backend with another number of threads.
 */
export async function startWasm(threads: number): Promise<WasmStart> {
  if (started?.threads === threads && await tf.setBackend("wasm")) {
    return started;
  }
  const running = tf.engine().registry["wasm"] as unknown as
    | { numDataIds(): number }
    | undefined;
  if (running && started && running.numDataIds() > 0) {
    throw new Error(
      `Cannot start WASM with ${threads} threads: it runs with ${started.threads}, and ${running.numDataIds()} tensors live there: choose the number before making tensors`,
    );
  }
  started = undefined;
  const isDeno = "Deno" in globalThis;
  started = isDeno ? await startInDeno(threads) : await startInBrowser();
  return started;
}

async function startInDeno(threads: number): Promise<WasmStart> {
  const { instantiate } = await import("./deno.ts");
  const { BackendWasm, setThreadsCount } = await import(
    "@tensorflow/tfjs-backend-wasm"
  );
  const wasm = await instantiate(threads);
  setThreadsCount(threads);
  tf.removeBackend("wasm");
  const Backend = BackendWasm as unknown as new (
    wasm: WasmModule,
  ) => tf.KernelBackend;
  tf.registerBackend("wasm", () => new Backend(wasm), 2);
  await tf.setBackend("wasm");
  guardMemory(wasm);
  // Else the pool's workers keep the process from ending.
  const { unusedWorkers = [], runningWorkers = [] } = wasm.PThread ?? {};
  for (const worker of [...unusedWorkers, ...runningWorkers]) worker.unref?.();
  return { threads, simd: true };
}

async function startInBrowser(): Promise<WasmStart> {
  const { getThreadsCount } = await import("@tensorflow/tfjs-backend-wasm");
  if (!await tf.setBackend("wasm")) {
    throw new Error(
      "Cannot start WASM: serve tfjs' .wasm files beside the page, or call setWasmPaths of @tensorflow/tfjs-backend-wasm",
    );
  }
  guardMemory((tf.backend() as unknown as { wasm: WasmModule }).wasm);
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT") as boolean;
  const threaded = await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT");
  return { threads: threaded ? getThreadsCount() : 1, simd };
}
