/**
 * Losses.
 *
 * Each returns one number for each element or row, unless it is given a
 * `reduction`.
 *
 * @module
 */
export * from "./binary.ts";
export * from "./cross_entropy.ts";
export * from "./ctc.ts";
export * from "./distance.ts";
export * from "./regression.ts";
export type { Loss } from "./loss.ts";
export type { LossOptions, Reduced, Reduction } from "./reduction.ts";
export * from "./safe_norm.ts";
