/**
 * Windows that move along axes: what convolutions and pools share.
 *
 * @module
 */
import * as tf from "../../tf.ts";

/** One number for all axes, or one for each. */
export type PerAxis = number | readonly number[];

/**
 * What is put around an input.
 *
 * - `"same"`: as much as keeps the size, divided by the stride and rounded up; an
 *   odd cell goes behind.
 * - `"valid"`: nothing.
 * - A number of cells for all axes, or for each axis a number or a pair `[before,
 *   after]`.
 */
export type Padding =
  | "same"
  | "valid"
  | number
  | readonly (number | readonly [number, number])[];

/** {@linkcode Padding} with a pair for each axis. */
export type ResolvedPadding =
  | "same"
  | "valid"
  | readonly (readonly [number, number])[];

/** `value` for each of `axes`; throws unless they are whole numbers above 0. */
export function perAxis(
  name: string,
  what: string,
  value: PerAxis,
  axes: number,
): readonly number[] {
  const values = typeof value === "number" ? Array(axes).fill(value) : value;
  if (
    values.length !== axes ||
    !values.every((x) => Number.isInteger(x) && x > 0)
  ) {
    throw new RangeError(
      `Cannot create ${name}: ${what} must be a whole number above 0, or ${axes} of them: current value is ${
        JSON.stringify(value)
      }`,
    );
  }
  return values;
}

/** The padding as a pair for each axis; throws unless they are whole numbers. */
export function resolvePadding(
  name: string,
  padding: Padding,
  axes: number,
): ResolvedPadding {
  if (padding === "same" || padding === "valid") return padding;
  const list = typeof padding === "number"
    ? Array(axes).fill(padding)
    : padding;
  const pairs = typeof list === "string"
    ? []
    : list.map((x): [number, number] =>
      typeof x === "number" ? [x, x] : [x[0], x[1]]
    );
  if (
    pairs.length !== axes ||
    !pairs.flat().every((x) => Number.isInteger(x) && x >= 0)
  ) {
    throw new RangeError(
      `Cannot create ${name}: padding must be "same", "valid", a whole number, or ${axes} of them or of pairs: current value is ${
        JSON.stringify(padding)
      }`,
    );
  }
  return pairs.flat().every((x) => x === 0) ? "valid" : pairs;
}

/** `x` with zeros around its spatial axes, where the padding counts cells. */
export function pad(x: tf.Tensor, padding: ResolvedPadding): tf.Tensor {
  return typeof padding === "string"
    ? x
    : tf.pad(x, [[0, 0], ...padding.map(([a, b]): [number, number] => [a, b]), [
      0,
      0,
    ]]);
}

/** What {@linkcode outLength} asks about a window. */
export interface Window {
  /** How many cells it has. */
  readonly kernel: number;
  /** How far it moves. */
  readonly stride: number;
  /** The distance of its cells. */
  readonly dilation: number;
  /** What is put around the input. */
  readonly padding: ResolvedPadding;
  /** Which axis this is. */
  readonly axis: number;
}

/**
 * How many places a window has along an axis.
 *
 * @throws {RangeError} If it does not fit.
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
