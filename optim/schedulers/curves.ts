/**
 * Curves from one rate to another.
 *
 * @module
 */

/** A straight line: `from` where `x` is 0, `to` where it is 1. */
export function linear(from: number, to: number, x: number): number {
  return from * (1 - x) + to * x;
}

/** Half a period of a cosine: `from` where `x` is 0, `to` where it is 1. */
export function cosine(from: number, to: number, x: number): number {
  return to + (from - to) * (1 + Math.cos(Math.PI * x)) / 2;
}
