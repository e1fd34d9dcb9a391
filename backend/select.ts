/**
 * Chooses and starts the machine that runs the tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, checkOptions, oneOf, refuse } from "../internal/check.ts";
import { anySystem, deno } from "../internal/system/system.ts";
import { BACKENDS } from "./backends.ts";
import { variable } from "./environment.ts";
import { checkInputs } from "./inputs.ts";
import { type Precision, setPrecision } from "./precision.ts";
import { wasmPathsRule } from "./wasm/machine/paths.ts";
import { findAdapter, isSoftware } from "./webgpu/adapter.ts";

/** A backend. */
export type BackendName = "webgpu" | "wasm" | "cpu";

/** Options of {@linkcode useBackend}. */
export interface BackendOptions {
  /**
   * Threads on WASM. Default: the machine's cores. A page that is not cross-origin
   * isolated has one.
   */
  readonly threads?: number;
  /**
   * Where tfjs' `.wasm` files are, in browsers: the address of a folder, or a record
   * with the addresses of `"tfjs-backend-wasm-simd.wasm"`, which is used with one
   * thread, and `"tfjs-backend-wasm-threaded-simd.wasm"`, with several. Addresses are
   * relative to the page, or to the script of a Web Worker. They are read when WASM is
   * started. Default: where Vite and webpack put them, else beside the script.
   */
  readonly wasmPaths?: string | Readonly<Record<string, string>>;
  /**
   * The precision of products: matrix products, convolutions and their gradients.
   *
   * - `"full"`: all is computed in f32.
   * - `"mixed"`: on WebGPU, factors are rounded to f16 (11 significant bits, finite up to
   *   65504) when they are loaded, and the products of them are added up in f32. Weights,
   *   activations and the optimizer's slots stay f32, and so do depthwise convolutions,
   *   attention and all other kernels. Gradients can be too small or too large for f16:
   *   `train.fit` scales the loss to prevent it, `train.step` with a `train.LossScale`.
   *
   * @default {"full"}
   */
  readonly precision?: Precision;
}

/** What runs the tensors. */
export interface BackendInfo {
  /** The backend chosen. */
  readonly backend: BackendName;
  /** Threads that kernels may use: 1 except on WASM. */
  readonly threads: number;
  /** Whether kernels use 128-bit SIMD: on WASM. */
  readonly simd: boolean;
  /** The precision of products. */
  readonly precision: Precision;
  /** The graphics adapter, on WebGPU. */
  readonly adapter: string | undefined;
  /**
   * Which of the features that are used the graphics device has, by WebGPU's names:
   * timestamp-query, shader-f16, subgroups, bgra8unorm-storage. Empty except on WebGPU.
   */
  readonly features: readonly string[];
  /** Limits of the graphics device, by WebGPU's names. Empty except on WebGPU. */
  readonly limits: Readonly<Record<string, number>>;
  /** Versions of what it rests on. */
  readonly versions: {
    /** Of tfjs. */
    readonly tfjs: string;
    /** Of Deno, if it runs there. */
    readonly deno: string | undefined;
  };
}

let current: BackendInfo | undefined;

/**
 * Start a backend and make it the current one. Call it, and await it, before
 * making tensors; tensors do not move between backends.
 *
 * - `"auto"` is the backend that `BRAINTAPE_BACKEND` names, where reading that
 *   variable is permitted already; else WebGPU if there is a graphics adapter
 *   that is not emulated in software; else WASM.
 * - `"webgpu"` needs no permission. Values are read with `await x.data()`; on Deno
 *   `x.dataSync()` works too, in browsers it throws.
 * - `"wasm"` needs `--allow-read` under Deno, and in browsers two files that are served
 *   with the page: see `wasmPaths`.
 * - `"cpu"` is plain JavaScript: slow, everywhere, for reference.
 *
 * Each call sets the precision of products: without the option it is `"full"`. Tensors on
 * WebGPU stay valid when only the precision changes.
 *
 * It prints nothing. Calls that are made at once run one after the other, and the
 * last one decides.
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
 * @throws {RangeError} If the name is unknown, `threads` no positive integer, or
 * `precision` unknown or `"mixed"` on another backend than WebGPU.
 * @throws {TypeError} If `wasmPaths` is no such addresses, or not an option here.
 * @throws {Error} If the graphics adapter has no f16, which `"mixed"` needs, or the
 * backend named cannot start here; the message says why.
 */
export async function useBackend(
  name: "auto" | BackendName = "auto",
  options: BackendOptions = {},
): Promise<BackendInfo> {
  checkName("use backend", name);
  checkOptions("use backend", options, {
    threads: "a positive integer",
    wasmPaths: wasmPathsRule,
    precision: oneOf("full", "mixed"),
  });
  if (options.wasmPaths !== undefined) checkHasPaths(name);
  const turn = last.then(() => start(name, options));
  last = turn.catch(() => {});
  return await turn;
}

/** Throw where no `.wasm` files are loaded from addresses. */
function checkHasPaths(name: string) {
  if (anySystem) {
    throw new TypeError(
      "Cannot use backend: wasmPaths is an option in browsers only: elsewhere the files are in tfjs' package",
    );
  }
  if (name === "auto" || name === "wasm") return;
  throw new TypeError(
    `Cannot use backend: wasmPaths is an option of "wasm" and "auto": current name is "${name}"`,
  );
}

/** Settles when the last call of `useBackend` did: they run one after the other. */
let last: Promise<unknown> = Promise.resolve();

async function start(
  name: "auto" | BackendName,
  {
    threads = globalThis.navigator?.hardwareConcurrency ?? 1,
    wasmPaths,
    precision = "full",
  }: BackendOptions,
): Promise<BackendInfo> {
  const chosen = name === "auto" ? await choose() : name;
  if (chosen !== "webgpu" && precision !== "full") {
    const rule = `"full" on ${chosen}`;
    refuse("use backend", "precision", rule, precision);
  }
  const options = { threads, wasmPaths, precision };
  const details = await BACKENDS.get(chosen)!.start(options);
  checkInputs(chosen);
  setPrecision(precision);
  current = {
    backend: chosen,
    precision,
    threads: 1,
    simd: false,
    adapter: undefined,
    features: [],
    limits: {},
    ...details,
    versions: {
      tfjs: tf.version_core,
      deno: deno?.version.deno,
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
  check(action, "the name", name, oneOf("auto", ...BACKENDS.keys()));
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
