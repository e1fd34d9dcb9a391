/**
 * Functions of one example, run on many.
 *
 * @module
 */
export * from "./vmap.ts";
