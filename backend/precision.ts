/**
 * The precision of products.
 *
 * @module
 */

/** The precision of products: see the option of `useBackend`. */
export type Precision = "full" | "mixed";

let current: Precision = "full";

/** The precision of products now: `mixed` on WebGPU only. */
export function currentPrecision(): Precision {
  return current;
}

/** Products are of this precision from now on. */
export function setPrecision(precision: Precision): void {
  current = precision;
}
