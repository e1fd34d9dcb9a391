/**
 * Functions that copy and clear memory.
 *
 * @module
 */
import { wasmFunction } from "./functions.ts";

/** Copies bytes. */
export const copyMemory = wasmFunction(
  "copy",
  { addresses: ["from", "to"], numbers: ["bytes"] },
  (f, p) => f.copy(p.to, p.from, p.bytes),
);

/** Fills memory with zeros. */
export const clearMemory = wasmFunction(
  "clear",
  { addresses: ["to"], numbers: ["bytes"] },
  (f, p) => f.clear(p.to, p.bytes),
);
