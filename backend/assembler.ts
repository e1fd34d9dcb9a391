/**
 * The WebAssembly assembler, for code that runs outside of tfjs' memory: on the host,
 * whatever the backend is.
 *
 * @module
 */
export { Assembler, I32, I32x4, simd } from "./wasm/assembler/assembler.ts";
