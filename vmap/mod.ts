/**
 * Functions of one example, run on many.
 *
 * @module
 */
export type { Axes, AxesByName } from "./axes.ts";
export * from "./vmap.ts";
