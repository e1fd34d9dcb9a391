/**
 * Windows that move along axes, as in convolutions and pools.
 *
 * @module
 */
import {
  check,
  either,
  listOf,
  type NumberRule,
  oneOf,
  pair,
  refuse,
  type ValueRule,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";

/** One number for all axes, or one for each. */
export type PerAxis = number | readonly number[];

/**
 * The padding around an input.
 *
 * - `"same"`: as many cells as make the output as long as the input, divided by the
 *   stride and rounded up; if their number is odd, the larger part is at the end.
 * - `"valid"`: none.
 * - A number of cells for all axes, or for each axis a number or a pair `[before,
 *   after]`.
 */
export type Padding = "same" | "valid" | CellCounts;

/**
 * Cells around an input: a number for all sides, or for each axis a number or a pair
 * `[before, after]`.
 */
export type CellCounts =
  | number
  | readonly (number | readonly [number, number])[];

/** {@linkcode Padding} as a pair for each axis. */
export type PaddingPairs =
  | "same"
  | "valid"
  | readonly (readonly [number, number])[];

/** The rule of a number of cells. */
export const CELLS = "a nonnegative integer";

/** A {@linkcode PerAxis}, for checks, of numbers that keep to a rule. */
export function perAxisRule(
  rule: NumberRule = "a positive integer",
): ValueRule {
  return (value) =>
    Array.isArray(value) ? listOf(rule)(value) : either(rule)(value);
}

/** A {@linkcode CellCounts}, for checks. */
export const cellsRule: ValueRule = (value) =>
  Array.isArray(value)
    ? listOf((x) =>
      Array.isArray(x) ? pair(CELLS, CELLS)(x) : either(CELLS)(x)
    )(value)
    : either(CELLS)(value);

/** A {@linkcode Padding}, for checks. */
export const paddingRule: ValueRule = (value) =>
  Array.isArray(value) || typeof value === "number"
    ? cellsRule(value)
    : oneOf("same", "valid")(value);

/**
 * The number of axes between batch and channels that a class of layers has.
 *
 * @throws {TypeError} If it has none, as `BatchNorm` and other classes that are there to
 * be extended.
 */
export function axesOf(Class: { readonly name: string }): number {
  const { axes } = Class as { readonly axes?: number };
  if (axes !== undefined) return axes;
  throw new TypeError(
    `Cannot create ${Class.name}: its class must say the number of axes between batch and channels, as those do whose names end in 1d, 2d or 3d`,
  );
}

/** The first two of the numbers for each axis. */
export function pairOf(sizes: readonly number[]): [number, number] {
  return [sizes[0]!, sizes[1]!];
}

/** The first three of the numbers for each axis. */
export function tripleOf(sizes: readonly number[]): [number, number, number] {
  return [sizes[0]!, sizes[1]!, sizes[2]!];
}

/**
 * A number for each axis.
 *
 * @param name The name of the layer in the error.
 * @param what The name of the argument in the error.
 * @param value One number for all axes, or one for each.
 * @param axes The number of axes.
 * @param rule The rule of each number. Default: `"a positive integer"`.
 */
export function perAxis(
  name: string,
  what: string,
  value: PerAxis,
  axes: number,
  rule?: NumberRule,
): readonly number[] {
  check(`create ${name}`, what, value, perAxisRule(rule));
  if (typeof value === "number") return Array(axes).fill(value);
  if (value.length === axes) return [...value];
  refuse(
    `create ${name}`,
    what,
    `one number, or one for each axis, ${axes}`,
    value,
  );
}

/**
 * The padding as a pair for each axis.
 *
 * @param name The name of the layer in the error.
 * @param padding The padding, checked by {@linkcode paddingRule}.
 * @param axes The number of axes.
 */
export function paddingPairs(
  name: string,
  padding: Padding,
  axes: number,
): PaddingPairs {
  if (padding === "same" || padding === "valid") return padding;
  const list = typeof padding === "number"
    ? Array<number>(axes).fill(padding)
    : padding;
  if (list.length !== axes) {
    refuse(
      `create ${name}`,
      "padding",
      `given for each axis, ${axes}`,
      padding,
    );
  }
  const pairs = list.map((x): [number, number] =>
    typeof x === "number" ? [x, x] : [x[0], x[1]]
  );
  return pairs.flat().every((x) => x === 0) ? "valid" : pairs;
}

/** `x` with zeros around its spatial axes, where the padding counts cells. */
export function pad(x: tf.Tensor, padding: PaddingPairs): tf.Tensor {
  if (typeof padding === "string") return x;
  const spatial = padding.map(([a, b]): [number, number] => [a, b]);
  return tf.pad(x, [[0, 0], ...spatial, [0, 0]]);
}

/** A window along one axis. */
export interface Window {
  /** The number of its cells. */
  readonly kernel: number;
  /** The distance between its places. */
  readonly stride: number;
  /** The distance between its cells. */
  readonly dilation: number;
  /** The padding around the input. */
  readonly padding: PaddingPairs;
  /** The index of the axis. */
  readonly axis: number;
}

/**
 * The number of places that a window has along an axis.
 *
 * ```text
 * "same":  ⌈length / stride⌉
 * else:    ⌊(length + padding - dilation (kernel - 1) - 1) / stride⌋ + 1
 * ```
 *
 * @throws {RangeError} If the window is longer than the padded input.
 */
export function outLength(
  name: string,
  length: number | null,
  { kernel, stride, dilation, padding, axis }: Window,
): number | null {
  if (length === null) return null;
  if (padding === "same") return Math.ceil(length / stride);
  const [before, after] = padding === "valid" ? [0, 0] : padding[axis]!;
  const reach = dilation * (kernel - 1) + 1;
  const padded = before + length + after;
  if (padded < reach) {
    throw new RangeError(
      `Cannot apply ${name}: the window must fit into the input: current window spans ${reach} cells, of ${padded}`,
    );
  }
  return Math.floor((padded - reach) / stride) + 1;
}
