/**
 * What tfjs' WebAssembly modules are started with, on every system.
 *
 * @module
 */
import type { WasmModule } from "./backend.ts";

/** What we pass to Emscripten's factory, which adds to it as soon as it is called. */
export interface FactoryConfig {
  /** Where a file is; `folder` is that of the script. */
  locateFile(path: string, folder: string): string | URL;
  /** The binary, where it need not be loaded. */
  readonly wasmBinary?: Uint8Array;
  /** The workers that it waits for before the module is ready. */
  readonly PThread?: { readonly unusedWorkers: object[] };
}

/** Starts a module. */
export type Factory = (config: FactoryConfig) => Promise<WasmModule>;

/** A module that is being started. */
export interface Starting {
  /** Settles when the module and its workers run. */
  readonly ready: Promise<WasmModule>;
}

/** The most threads that tfjs uses: one calls, and the others are workers. */
export const MOST_THREADS = 8;

/** In the place of the workers that Emscripten makes, always eight, past those needed. */
export const Unneeded: typeof Worker = class {} as unknown as typeof Worker;

/** The module with the functions that tfjs' backend adds to it. */
export function withFunctions(wasm: WasmModule): WasmModule {
  wasm.tfjs = {
    init: wasm.cwrap("init", null, []),
    initWithThreadsCount: wasm.cwrap("init_with_threads_count", null, [
      "number",
    ]),
    getThreadsCount: wasm.cwrap("get_threads_count", "number", []),
    registerTensor: wasm.cwrap("register_tensor", null, [
      "number",
      "number",
      "number",
    ]),
    disposeData: wasm.cwrap("dispose_data", null, ["number"]),
    dispose: wasm.cwrap("dispose", null, []),
  } as WasmModule["tfjs"];
  return wasm;
}
