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

/**
 * Run `fn` with full products: gradients and their squares, of which optimizers make
 * products, may be smaller than f16 has.
 */
export function inFullPrecision<T>(fn: () => T): T {
  const before = current;
  current = "full";
  try {
    return fn();
  } finally {
    current = before;
  }
}
