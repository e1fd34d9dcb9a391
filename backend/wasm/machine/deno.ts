/**
 * tfjs' WebAssembly modules under Deno, instantiated by hand.
 *
 * @module
 */
import type { CpuInfo } from "node:os";
import type { WasmModule } from "./backend.ts";

/** What we pass to Emscripten's factory. */
interface FactoryConfig {
  locateFile(path: string, folder: string): string | URL;
  print?(text: string): void;
  printErr?(text: string): void;
}

type Factory = (config: FactoryConfig) => Promise<WasmModule>;

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/**
 * The module of tfjs' WASM backend, with `threads` threads.
 *
 * @throws {Error} If its file cannot be read for want of permission.
 */
export async function instantiate(threads: number): Promise<WasmModule> {
  // Imported here, as `node:os` below: bundles for browsers hold this module, and
  // no browser could load it with such imports at its head.
  const { default: process } = await import("node:process");
  // The types know signals only.
  const listeners = (name: typeof EVENTS[number]) =>
    process.listeners(name as "SIGINT");
  const before = EVENTS.map(listeners);
  const wasm = await (threads > 1 ? threaded(threads) : single());
  // Emscripten rethrows what the program itself may want to handle.
  EVENTS.forEach((name, i) => {
    for (const listener of listeners(name)) {
      if (!before[i]!.includes(listener)) process.off(name, listener);
    }
  });
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

async function single(): Promise<WasmModule> {
  const { default: factory } = await import(
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js"
  ) as unknown as { default: Factory };
  // This script runs the binary with SIMD too, which has none of its own.
  return await run(factory, "tfjs-backend-wasm.js", {
    locateFile: (_, folder) => readable("tfjs-backend-wasm-simd.wasm", folder),
  });
}

async function threaded(threads: number): Promise<WasmModule> {
  const { default: factory } = await import(
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js"
  ) as unknown as { default: Factory };
  const { default: { wasmWorkerContents } } = await import(
    // @ts-ignore: the file has no types
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js"
  ) as { default: { wasmWorkerContents: string } };
  // tfjs' worker as a module: Deno's workers have no writable `location`.
  const script = "import { createRequire } from 'node:module';" +
    "const require = createRequire('file:///'), global = globalThis, __filename = '';" +
    wasmWorkerContents.replaceAll("\n", "\\n")
      .replace("location:{href:__filename},", "");
  const worker = new URL(
    `data:text/javascript,${encodeURIComponent(script)}`,
  );

  const { default: os } = await import("node:os");
  const { cpus } = os, { Worker } = globalThis;
  // Emscripten starts one thread for every two cores it is told of.
  os.cpus = () => Array(2 * threads).fill({}) as CpuInfo[];
  // Deno does not wait for the workers to start: without a timer it exits.
  const alive = setInterval(() => {}, 50);
  try {
    return await run(factory, "tfjs-backend-wasm-threaded-simd.js", {
      locateFile: (path, folder) =>
        path.endsWith(".worker.js") ? worker : readable(path, folder),
    });
  } finally {
    clearInterval(alive);
    os.cpus = cpus;
    // Starting replaces the global by Node's.
    globalThis.Worker = Worker;
  }
}

/** Where the scripts are, for programs that are bundled; as in `deno.json`. */
const PACKAGE = "npm:@tensorflow/tfjs-backend-wasm@4.22.0/wasm-out/";

/**
 * Run Emscripten's script. In a bundle it does not know its folder, where the binary
 * is: then it is loaded from its package, past the bundler.
 */
async function run(
  factory: Factory,
  script: string,
  config: FactoryConfig,
): Promise<WasmModule> {
  try {
    return await factory(config);
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
  return await unbundled(config);
}

/** The file's path; asking first makes the error one that a user can act on. */
function readable(path: string, folder: string): string {
  const file = folder + path;
  const { state } = Deno.permissions.requestSync({ name: "read", path: file });
  if (state !== "granted") {
    throw new Deno.errors.NotCapable(
      `Cannot start WASM: reading tfjs' module needs --allow-read: access to ${file} is ${state}`,
    );
  }
  return file;
}
