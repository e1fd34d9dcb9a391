/**
 * Sequences padded to one length.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  check,
  checkOptions,
  nonemptyListOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import {
  type Column,
  lengthOf,
  type Numbers,
  sizeOf,
  toColumn,
} from "../column.ts";

/** Sequences: of numbers, or of examples of one shape as a `column` holds them. */
export type Sequences = readonly Numbers[] | readonly Column[];

/** Options of {@linkcode padSequences}. */
export interface PadOptions {
  /** The number that stands where a sequence has ended. @default {0} */
  readonly padding?: number;
  /** The length to pad to. Default: that of the longest sequence. */
  readonly length?: number;
}

const RULES: OptionRules<PadOptions> = {
  padding: "a finite number",
  length: "a positive integer",
};

const ACTION = "pad sequences";

/**
 * Sequences of one length, and a mask of where they have not ended, for attention
 * (`keyMask`), recurrent layers and losses.
 *
 * @example Usage
 * ```ts
 * import { data, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const [x, mask] = data.padSequences([[5, 6, 7], [8]]);
 * assertEquals(await x.array(), [[5, 6, 7], [8, 0, 0]]);
 * assertEquals(await mask.array(), [[1, 1, 1], [1, 0, 0]]);
 * ```
 *
 * @param sequences Lists or typed arrays of numbers, or columns whose examples are the
 *   steps of a sequence. If any has floats, the result has.
 * @param options See {@linkcode PadOptions}.
 * @returns `[batch, time]`, or `[batch, time, ...]` of columns, float32 or int32, and the
 *   mask, bool `[batch, time]`.
 * @throws {RangeError} If a sequence is longer than `length`, steps differ in shape, or
 *   all sequences are empty.
 */
export function padSequences(
  sequences: readonly Numbers[],
  options?: PadOptions,
): [x: tf.Tensor2D, mask: tf.Tensor2D];
/**
 * Sequences of examples, padded to one length.
 *
 * @param sequences Columns whose examples are the steps of a sequence.
 * @param options See {@linkcode PadOptions}.
 * @returns `[batch, time, ...]` and the mask, bool `[batch, time]`.
 */
export function padSequences(
  sequences: Sequences,
  options?: PadOptions,
): [x: tf.Tensor, mask: tf.Tensor2D];
export function padSequences(
  sequences: Sequences,
  options: PadOptions = {},
): [x: tf.Tensor, mask: tf.Tensor2D] {
  checkOptions(ACTION, options, RULES);
  const columns = toColumns(ACTION, sequences);
  const lengths = columns.map(lengthOf);
  const longest = largest(lengths);
  const { padding = 0, length = longest } = options;
  if (length < longest || length === 0) {
    const is = length === 0
      ? "positive, of the longest sequence"
      : `at least ${longest}, that of the longest sequence`;
    refuse(ACTION, "length", is, length);
  }
  const isFloats = hasFloats(columns);
  checkPadding(ACTION, padding, isFloats);
  return [pad(columns, length, padding, isFloats), maskOf(lengths, length)];
}

/** Sequences as columns, all of steps of one shape. */
export function toColumns(action: string, sequences: Sequences): Column[] {
  check(action, "sequences", sequences, nonemptyListOf(anything));
  const columns = Array.from<Numbers | Column, Column>(
    sequences,
    (each) => toColumn(action, each),
  );
  const { shape } = columns[0]!;
  for (const [i, column] of columns.entries()) {
    if (String(column.shape) === String(shape)) continue;
    const is = `of steps of shape [${shape.join(", ")}], as the first`;
    refuse(action, `sequences[${i}]`, is, column.shape);
  }
  return columns;
}

/** The largest of some numbers, which may be more than a function has arguments. */
export function largest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), 0);
}

/** Whether any of the sequences has floats. */
export function hasFloats(columns: readonly Column[]): boolean {
  return columns.some(({ data }) => data instanceof Float32Array);
}

/** Throw unless `padding` can stand among floats, or among integers. */
export function checkPadding(
  action: string,
  padding: number,
  isFloats: boolean,
): void {
  if (!isFloats) check(action, "padding", padding, "an integer");
  const rounded = isFloats ? Math.fround(padding) : padding | 0;
  if (isFloats ? Number.isFinite(rounded) : rounded === padding) return;
  const dtype = isFloats ? "float32" : "int32";
  refuse(action, "padding", `within the range of ${dtype}`, padding);
}

/** Columns as one tensor, `[batch, length, ...]`, of floats or of integers. */
export function pad(
  columns: readonly Column[],
  length: number,
  padding: number,
  isFloats: boolean,
): tf.Tensor {
  const size = length * sizeOf(columns[0]!);
  const Values = isFloats ? Float32Array : Int32Array;
  const values = new Values(columns.length * size).fill(padding);
  columns.forEach(({ data }, i) => values.set(data, i * size));
  const shape = [columns.length, length, ...columns[0]!.shape];
  return tf.tensor(values, shape, isFloats ? "float32" : "int32");
}

/** True before the end of each sequence. */
export function maskOf(
  lengths: readonly number[],
  length: number,
): tf.Tensor2D {
  const values = new Uint8Array(lengths.length * length);
  lengths.forEach((end, i) => values.fill(1, i * length, i * length + end));
  return tf.tensor2d(values, [lengths.length, length], "bool");
}
