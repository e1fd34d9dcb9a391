/**
 * The addresses of tfjs' `.wasm` files in browsers.
 *
 * @module
 */
import { rule, type ValueRule } from "../../../internal/check.ts";

/** The file that is used with one thread. */
export const SINGLE = "tfjs-backend-wasm-simd.wasm";
/** The file that is used with several threads. */
export const THREADED = "tfjs-backend-wasm-threaded-simd.wasm";

/** The file for browsers without SIMD, which our kernels need: it may be named, as tfjs does. */
const PLAIN = "tfjs-backend-wasm.wasm";

/** A folder, or the address of each file by its name. */
export type WasmPaths = string | Readonly<Record<string, string>>;

const isAddress = (x: unknown) => typeof x === "string" && x !== "";

/** What the option must be. */
export const wasmPathsRule: ValueRule = rule(
  `the address of a folder, or a record with addresses of "${SINGLE}" and "${THREADED}"`,
  (x) =>
    isAddress(x) ||
    typeof x === "object" && x !== null && !Array.isArray(x) &&
      Object.entries(x).every(([name, address]) =>
        [SINGLE, THREADED, PLAIN].includes(name) && isAddress(address)
      ),
);
