/**
 * What the searches differ in: where to look next in the cube `[0, 1]ⁿ`.
 *
 * @module
 */
import type { Draws } from "./draws.ts";
import { checkObject, refuse } from "../../internal/check.ts";

/** All that a strategy remembers: numbers, and vectors whose lengths are fixed. */
export type Memory = Record<string, number | Float64Array>;

/** What a strategy is made from. */
export interface Setting {
  /** The number of elements. */
  readonly size: number;
  /** Where to begin, in the cube; none if that is left to the strategy. */
  readonly start: Float64Array<ArrayBuffer> | undefined;
  /** Random numbers; a stream is split off when they are asked for first. */
  readonly draws: Draws;
}

/** A way to search the cube. */
export interface Strategy {
  /** What it remembers; it is saved and loaded. */
  readonly memory: Memory;
  /** The next points to evaluate. It may write the memory. */
  propose(): Float64Array[];
  /** Take in their values; one that failed is `Infinity`. */
  learn(points: readonly Float64Array[], values: Float64Array): void;
  /** The width of where it searches now, as a share of the bounds. */
  readonly spread: number;
  /** The values of all points that it holds on to; none if it never compares them. */
  readonly values: ArrayLike<number>;
}

/** A copy of what a strategy remembers. */
export function copyMemory(memory: Memory): Memory {
  return Object.fromEntries(
    Object.entries(memory).map(([name, x]) =>
      [name, typeof x === "number" ? x : x.slice()] as const
    ),
  );
}

/** Throw unless `given` has the numbers and vectors that `own` has, and no others. */
export function checkMemory(action: string, own: Memory, given: unknown): void {
  checkObject(action, given, "memory");
  for (const [name, x] of Object.entries(own)) {
    const other = (given as Record<string, unknown>)[name];
    if (typeof x === "number") {
      if (typeof other === "number") continue;
      refuse(action, `memory.${name}`, "a number", other, TypeError);
    }
    if (other instanceof Float64Array && other.length === x.length) continue;
    const is = `a Float64Array of length ${x.length}`;
    refuse(action, `memory.${name}`, is, shown(other));
  }
  const names = Object.keys(own);
  const other = Object.keys(Object(given)).find((name) =>
    !names.includes(name)
  );
  if (other === undefined) return;
  refuse(action, "memory", `of ${names.join(", ")} only`, `with ${other}`);
}

/** A vector by its length. */
function shown(x: unknown): unknown {
  return ArrayBuffer.isView(x) && "length" in x
    ? `a typed array of length ${x.length}`
    : x;
}

/** Put `from` in place of what a strategy remembers. */
export function loadMemory(own: Memory, from: Memory): void {
  for (const [name, x] of Object.entries(own)) {
    const next = from[name]!;
    if (typeof x === "number") own[name] = next;
    else x.set(next as Float64Array);
  }
}

/** Row `i` of a matrix with `n` columns; what is written to it is in the matrix. */
export function row(matrix: Float64Array, i: number, n: number): Float64Array {
  return matrix.subarray(i * n, (i + 1) * n);
}

/** The greatest difference between rows of a matrix, over its columns. */
export function width(matrix: Float64Array, n: number): number {
  let widest = 0;
  for (let k = 0; k < n; k++) {
    let low = Infinity, high = -Infinity;
    for (let i = k; i < matrix.length; i += n) {
      low = Math.min(low, matrix[i]!);
      high = Math.max(high, matrix[i]!);
    }
    widest = Math.max(widest, high - low);
  }
  return widest;
}

/** The indices of `values` from the least on; equal ones keep their order. */
export function order(values: ArrayLike<number>): number[] {
  return Array.from(values, (_, i) => i)
    .sort((i, j) => compare(values[i]!, values[j]!));
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
