/**
 * The two ways from one rate to another.
 *
 * @module
 */

/** A straight line: `from` at 0, `to` at 1. */
export function linear(from: number, to: number, share: number): number {
  return from * (1 - share) + to * share;
}

/** Half a cosine: `from` at 0, `to` at 1. */
export function cosine(from: number, to: number, share: number): number {
  return to + (from - to) * (1 + Math.cos(Math.PI * share)) / 2;
}
