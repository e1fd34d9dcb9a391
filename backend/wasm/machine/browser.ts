/**
 * tfjs' WebAssembly modules in browsers.
 *
 * @module
 */
import type { WasmModule } from "./backend.ts";
import { type Factory, type Starting, withFunctions } from "./emscripten.ts";
import { SINGLE, THREADED, type WasmPaths } from "./paths.ts";

/**
 * Begin to start the module of tfjs' WASM backend, with memory that `threads` threads
 * can use.
 *
 * @throws {Error} If its file is not where it should be.
 */
export async function begin(
  threads: number,
  paths?: WasmPaths,
): Promise<Starting> {
  const wasmBinary = await load(threads > 1 ? THREADED : SINGLE, paths);
  const ready = threads > 1 ? threaded(wasmBinary) : single(wasmBinary);
  return { ready: ready.then(withFunctions) };
}

async function single(wasmBinary: Uint8Array): Promise<WasmModule> {
  const { default: factory } = await import(
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js"
  ) as unknown as { default: Factory };
  return await factory({ locateFile: (path) => path, wasmBinary });
}

/**
 * The module whose memory is shared. Its own workers are not started: they load its
 * script from the text of a function, which minifiers leave unable to stand alone. Our
 * kernels have workers of their own, and tfjs' few others use one thread.
 */
async function threaded(wasmBinary: Uint8Array): Promise<WasmModule> {
  const { default: factory } = await import(
    "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js"
  ) as unknown as { default: Factory };
  const { Worker } = globalThis;
  globalThis.Worker = NoWorker as unknown as typeof Worker;
  try {
    // It makes its workers before it returns.
    return factory({ locateFile: (path) => path, wasmBinary });
  } finally {
    globalThis.Worker = Worker;
  }
}

/** Says that it is ready, as Emscripten's workers do, and that is all. */
class NoWorker {
  onmessage: ((event: { data: object }) => void) | undefined;

  postMessage({ cmd }: { readonly cmd: string }): void {
    if (cmd === "load") this.onmessage?.({ data: { cmd: "loaded" } });
  }

  terminate(): void {}
}

/** The folder in tfjs' package. */
const PACKAGE = "@tensorflow/tfjs-backend-wasm/wasm-out/";

/**
 * Where bundlers such as Vite and webpack, which look for exactly such expressions, put
 * the files.
 */
const BUNDLED = {
  [SINGLE]: () =>
    new URL(
      "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm",
      import.meta.url,
    ),
  [THREADED]: () =>
    new URL(
      "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm",
      import.meta.url,
    ),
};

type FileName = keyof typeof BUNDLED;

/** The address of a file. */
function locate(name: FileName, paths: WasmPaths | undefined): URL {
  const page = globalThis.location.href;
  if (typeof paths === "string") {
    const folder = new URL(paths.endsWith("/") ? paths : `${paths}/`, page);
    return new URL(name, folder);
  }
  if (paths) {
    const path = paths[name];
    if (path !== undefined) return new URL(path, page);
    throw new Error(
      `Cannot start WASM: wasmPaths must have "${name}": current names are ${
        JSON.stringify(Object.keys(paths))
      }`,
    );
  }
  // A classic script does not know its address.
  const base = import.meta.url ?? page;
  const plain = new URL(PACKAGE + name, base);
  const bundled = import.meta.url ? BUNDLED[name]() : plain;
  return bundled.href === plain.href ? new URL(name, base) : bundled;
}

/** How WebAssembly begins. */
const MAGIC = "\0asm";

/** The bytes of a file. */
async function load(
  name: FileName,
  paths: WasmPaths | undefined,
): Promise<Uint8Array> {
  const url = locate(name, paths);
  const fail = (what: string, cause?: unknown) =>
    new Error(
      `Cannot start WASM: ${url.href} ${what}: serve ${SINGLE} and ${THREADED} of ${PACKAGE} there, or say where they are: useBackend("wasm", { wasmPaths })`,
      { cause },
    );
  const response = await fetch(url).catch((cause) => {
    throw fail(`could not be loaded (${cause.message})`, cause);
  });
  if (!response.ok) throw fail(`was answered with status ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // Some servers answer with a page what they do not have.
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) {
    throw fail("is not WebAssembly");
  }
  return bytes;
}
