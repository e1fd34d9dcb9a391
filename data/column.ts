/**
 * Columns of examples, as typed arrays.
 *
 * @module
 */
import { check, listOf, refuse } from "../internal/check.ts";

/** The typed arrays that can be the values of a column. */
export type ColumnData = Float32Array | Int32Array | Uint8Array;

/** One array for each example: an image, a label, a row of numbers. */
export interface Column<Shape extends readonly number[] = readonly number[]> {
  /** The values of all examples, one example after another. */
  readonly data: ColumnData;
  /** The shape of one example; `[]` is a single number. */
  readonly shape: Shape;
}

/** Numbers from which a column can be made. */
export type Numbers =
  | ColumnData
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | Float16Array
  | Float64Array
  | readonly number[];

/**
 * A column of single numbers, one for each example.
 *
 * @param data The numbers.
 * @returns The column.
 */
export function column(data: Numbers): Column<readonly []>;
/**
 * A column of examples that all have one shape.
 *
 * Batches of it have the dtype of its values:
 *
 * | values | dtype |
 * | --- | --- |
 * | `Float32Array`, `Float16Array`, `Float64Array` | float32, rounded to the nearest |
 * | `Uint8Array`, `Int32Array` and other arrays of up to 32-bit integers | int32 |
 * | a list of numbers, all of them integers | int32 |
 * | any other list of numbers | float32, rounded to the nearest |
 *
 * Integers beyond int32 become float32 if it can represent all of them exactly.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const points = train.column([0.5, 1, -1.5, 300], [2]); // two points
 * assertEquals(points.data, Float32Array.of(0.5, 1, -1.5, 300));
 * assertEquals(train.column([0, 1, 1]).data, Int32Array.of(0, 1, 1));
 * ```
 *
 * @param data The values of all examples, one example after another.
 * @param shape The shape of one example. Its length is part of the type, so that
 *   batches are tensors of the right rank.
 * @returns The column.
 * @throws {TypeError} If a value is not a number.
 * @throws {RangeError} If a value is out of range, or the values do not fill a whole
 *   number of examples.
 */
export function column<const Shape extends readonly number[]>(
  data: Numbers,
  shape: Shape,
): Column<Shape>;
export function column(data: Numbers, shape: readonly number[] = []): Column {
  const action = "make a column";
  check(action, "shape", shape, listOf("a positive integer"));
  const made = { data: toColumnData(action, data), shape };
  if (!Number.isInteger(lengthOf(made))) {
    throw new RangeError(
      `Cannot make a column: the values must fill a whole number of examples of shape [${
        shape.join(", ")
      }]: there are ${data.length} values`,
    );
  }
  return made;
}

/** The column that `source` is, or the column of single numbers in it. */
export function toColumn(action: string, source: unknown): Column {
  if (ArrayBuffer.isView(source) || Array.isArray(source)) {
    return column(source as Numbers);
  }
  const { data, shape } = Object(source);
  if (data === undefined || !Array.isArray(shape)) {
    refuse(action, "data", "a column or numbers", source, TypeError);
  }
  return isColumnData(data) ? source as Column : column(data, shape);
}

/** The number of values in one example. */
export function sizeOf({ shape }: Column): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** The number of examples in a column. */
export function lengthOf(column: Column): number {
  return column.data.length / sizeOf(column);
}

/** The values at `indices`, in an array of the column's kind. */
export function gather(
  column: Column,
  indices: ArrayLike<number>,
): ColumnData {
  const size = sizeOf(column);
  const out = arrayLike(column.data, indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const start = indices[i]! * size;
    if (size === 1) out[i] = column.data[start]!; // subarray costs more than this
    else out.set(column.data.subarray(start, start + size), i * size);
  }
  return out;
}

function arrayLike(data: ColumnData, length: number): ColumnData {
  if (data instanceof Float32Array) return new Float32Array(length);
  if (data instanceof Int32Array) return new Int32Array(length);
  return new Uint8Array(length);
}

function isColumnData(data: unknown): data is ColumnData {
  return data instanceof Float32Array || data instanceof Int32Array ||
    data instanceof Uint8Array;
}

/** Numbers as one of the arrays of columns, without losing any. */
function toColumnData(action: string, data: Numbers): ColumnData {
  if (isColumnData(data)) return data;
  if (data instanceof Uint8ClampedArray) {
    return new Uint8Array(data.buffer, data.byteOffset, data.length);
  }
  checkNumbers(action, "data", data);
  return fromNumbers(action, data, isFloats(data));
}

/**
 * Numbers as float32 if `asFloats`, or else as int32 if they are integers.
 *
 * @throws {RangeError} If a number is out of range.
 */
export function fromNumbers(
  action: string,
  data: ArrayLike<number>,
  asFloats: boolean,
): ColumnData {
  let isIntegers = !asFloats, fitsInt32 = true, inexact = NaN;
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!;
    const rounded = Math.fround(x);
    if (Number.isFinite(x) && !Number.isFinite(rounded)) {
      refuse(action, `value ${i}`, "within the range of float32", x);
    }
    isIntegers &&= Number.isInteger(x);
    fitsInt32 &&= (x | 0) === x;
    if (rounded !== x) inexact = x;
  }
  if (isIntegers && fitsInt32) return Int32Array.from(data);
  if (isIntegers && !Number.isNaN(inexact)) {
    const rule = "integers that int32 or float32 can represent";
    refuse(action, "the values", rule, inexact);
  }
  return Float32Array.from(data);
}

/** Throw unless `data` is a list or a typed array of numbers. */
export function checkNumbers(
  action: string,
  name: string,
  data: unknown,
): asserts data is Numbers {
  if (Array.isArray(data)) {
    for (let i = 0; i < data.length; i++) {
      check(action, `${name}[${i}]`, data[i], "a number");
    }
    return;
  }
  const isNumbers = ArrayBuffer.isView(data) && !(data instanceof DataView) &&
    !(data instanceof BigInt64Array || data instanceof BigUint64Array);
  if (!isNumbers) refuse(action, name, "a list of numbers", data, TypeError);
}

/** Whether numbers are floating-point, whatever their values. */
export function isFloats(data: Numbers): boolean {
  return data instanceof Float32Array || data instanceof Float64Array ||
    typeof Float16Array !== "undefined" && data instanceof Float16Array;
}
