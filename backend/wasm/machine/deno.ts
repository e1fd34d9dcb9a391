/**
 * tfjs' WebAssembly modules under Deno, instantiated by hand.
 *
 * @module
 */
import type { CpuInfo } from "node:os";
import { deno } from "../../../internal/system/system.ts";
import type { WasmModule } from "./backend.ts";
import {
  type Factory,
  type FactoryConfig,
  MOST_THREADS,
  type Starting,
  Unneeded,
  withFunctions,
} from "./emscripten.ts";

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/**
 * Begin to start the module of tfjs' WASM backend, with `threads` threads. Its
 * workers start while the caller does something else.
 *
 * @returns The module to come; it is rejected if its file cannot be read for want of
 * permission.
 */
export async function begin(threads: number): Promise<Starting> {
  // Imported here, as `node:os` below: bundles for browsers hold this module, and
  // no browser could load it with such imports at its head.
  const { default: process } = await import("node:process");
  const start = await (threads > 1 ? threaded(threads) : single());
  // The types know signals only.
  const listeners = (name: typeof EVENTS[number]) =>
    process.listeners(name as "SIGINT");
  const before = EVENTS.map(listeners);
  const ready = start().finally(() => {
    // Emscripten rethrows what the program itself may want to handle.
    EVENTS.forEach((name, i) => {
      for (const listener of listeners(name)) {
        if (!before[i]!.includes(listener)) process.off(name, listener);
      }
    });
  });
  return { ready: ready.then(withFunctions) };
}

async function single(): Promise<() => Promise<WasmModule>> {
  const { default: factory } = await import(
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js"
  ) as unknown as { default: Factory };
  // This script runs the binary with SIMD too, which has none of its own.
  return () =>
    run(factory, "tfjs-backend-wasm.js", {
      locateFile: (_, folder) =>
        readable("tfjs-backend-wasm-simd.wasm", folder),
    });
}

async function threaded(threads: number): Promise<() => Promise<WasmModule>> {
  const { default: factory } = await import(
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js"
  ) as unknown as { default: Factory };
  const { default: { wasmWorkerContents } } = await import(
    // @ts-ignore: the file has no types
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js"
  ) as { default: { wasmWorkerContents: string } };
  const { default: os } = await import("node:os");
  // tfjs' worker as a module: Deno's workers have no writable `location`.
  const source = "import { createRequire } from 'node:module';" +
    "const require = createRequire('file:///'), global = globalThis, __filename = '';" +
    wasmWorkerContents.replaceAll("\n", "\\n")
      .replace("location:{href:__filename},", "");
  const worker = new URL(
    `data:text/javascript,${encodeURIComponent(source)}`,
  );
  const needed = Math.min(threads, MOST_THREADS) - 1;

  return async () => {
    const { cpus } = os, { Worker } = globalThis;
    // Emscripten starts one thread for every two cores it is told of.
    os.cpus = () => Array(2 * threads).fill({}) as CpuInfo[];
    // Deno does not wait for the workers to start: without a timer it exits.
    const alive = setInterval(() => {}, 50);
    let asked = 0;
    const config: FactoryConfig = {
      locateFile(path, folder) {
        if (!path.endsWith(".worker.js")) return readable(path, folder);
        // It is asked once before each worker is made.
        if (asked++ === needed) globalThis.Worker = Unneeded;
        return worker;
      },
    };
    const script = "tfjs-backend-wasm-threaded-simd.js";
    try {
      return await run(factory, script, config, () => {
        if (config.PThread) config.PThread.unusedWorkers.length = needed;
      });
    } finally {
      clearInterval(alive);
      os.cpus = cpus;
      // Starting replaces the global by Node's.
      globalThis.Worker = Worker;
    }
  };
}

/** Where the scripts are, for programs that are bundled; as in `deno.json`. */
const PACKAGE = "npm:@tensorflow/tfjs-backend-wasm@4.22.0/wasm-out/";

/**
 * Run Emscripten's script. In a bundle it does not know its folder, where the binary
 * is: then it is loaded from its package, past the bundler. `begun` is called as soon
 * as the script was.
 */
async function run(
  factory: Factory,
  script: string,
  config: FactoryConfig,
  begun: () => void = () => {},
): Promise<WasmModule> {
  const start = (factory: Factory) => {
    const starting = factory(config);
    begun();
    return starting;
  };
  try {
    return await start(factory);
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
  }
  const specifier = PACKAGE + script;
  const { default: unbundled } = await import(specifier).catch((cause) => {
    throw new Error(
      `Cannot start WASM: a bundle loads tfjs' module from its package, which could not be loaded: ${cause.message}`,
      { cause },
    );
  }) as { default: Factory };
  return await start(unbundled);
}

/** The file's path; asking first makes the error one that a user can act on. */
function readable(path: string, folder: string): string {
  const file = folder + path;
  if (!deno) return file;
  const { state } = deno.permissions.requestSync({ name: "read", path: file });
  if (state !== "granted") {
    throw new deno.errors.NotCapable(
      `Cannot start WASM: reading tfjs' module needs --allow-read: access to ${file} is ${state}`,
    );
  }
  return file;
}
