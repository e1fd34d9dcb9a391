import type { Backend } from "../description.ts";
import { runWasm } from "../fusion/wasm.ts";
import { registerWasmKernels, SCRATCH } from "./kernels/mod.ts";
import { startWasm } from "./machine/start.ts";

/** tfjs' WebAssembly backend, with threads and our kernels. */
export const wasm: Backend = {
  async start({ threads, wasmPaths }) {
    const started = await startWasm(threads, SCRATCH, wasmPaths);
    registerWasmKernels();
    return started;
  },
  runLaunches: runWasm,
  canOverwrite: true,
  readsAtOnce: true,
};
