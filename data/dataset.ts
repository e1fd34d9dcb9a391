/**
 * Examples in memory, as typed arrays.
 *
 * @module
 */
import { checkOptions, instanceOf } from "../check.ts";
import * as random from "../random.ts";

/** The typed arrays that can be the values of a column. */
export type ColumnData = Float32Array | Int32Array | Uint8Array;

/** One array for each example: an image, a label, a row of numbers. */
export interface Column<Shape extends readonly number[] = readonly number[]> {
  /** The values of all examples, one example after another. */
  readonly data: ColumnData;
  /** The shape of one example; `[]` is a single number. */
  readonly shape: Shape;
}

/** The values of one example, an array for each column. */
export type Rows<Columns extends readonly Column[]> = {
  [K in keyof Columns]: Columns[K]["data"];
};

/**
 * A column of single numbers, one for each example.
 *
 * @param data The numbers.
 * @returns The column.
 */
export function column(data: ColumnData): Column<readonly []>;
/**
 * A column of examples that all have one shape.
 *
 * @param data The values of all examples, one example after another.
 * @param shape The shape of one example. Its length is part of the type, so that
 *   batches are tensors of the right rank.
 * @returns The column.
 * @throws {RangeError} If the values do not fill a whole number of examples.
 */
export function column<const Shape extends readonly number[]>(
  data: ColumnData,
  shape: Shape,
): Column<Shape>;
export function column(
  data: ColumnData,
  sizes: readonly number[] = [],
): Column {
  const size = sizeOf({ data, shape: sizes });
  if (size < 1 || !Number.isInteger(data.length / size)) {
    throw new RangeError(
      `Cannot make a column: the values must fill a whole number of examples of shape [${
        sizes.join(", ")
      }]: there are ${data.length} values`,
    );
  }
  return { data, shape: sizes };
}

/**
 * Examples in memory: columns of equal length.
 *
 * @example Usage
 * ```ts
 * import { random, train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const points = train.column(Float32Array.of(0, 1, 2, 3, 4, 5), [2]);
 * const labels = train.column(Int32Array.of(0, 1, 1));
 * const data = new train.Dataset([points, labels]);
 * const [a, b] = data.split(2, { random: new random.RandomState(1) });
 * assertEquals([data.length, a.length, b.length], [3, 2, 1]);
 *
 * const doubled = data.map((point, label) => [point.map((x) => 2 * x), label]);
 * assertEquals([...doubled.columns[0].data], [0, 2, 4, 6, 8, 10]);
 * ```
 */
export class Dataset<Columns extends readonly Column[] = readonly Column[]> {
  /** The columns. */
  readonly columns: Columns;
  /** How many examples there are. */
  readonly length: number;

  /**
   * Combine columns.
   *
   * @param columns At least one column; all have the same number of examples.
   * @throws {RangeError} If there is none, or their lengths differ.
   */
  constructor(columns: readonly [...Columns]) {
    const lengths = columns.map(lengthOf);
    const [length] = lengths;
    if (length === undefined || lengths.some((other) => other !== length)) {
      throw new RangeError(
        `Cannot create a Dataset: there must be at least one column, all of one length: current lengths are [${
          lengths.join(", ")
        }]`,
      );
    }
    this.columns = columns as unknown as Columns;
    this.length = length;
  }

  /**
   * The examples at some indices, in this order.
   *
   * @param indices Indices from 0; they may repeat.
   * @returns A new dataset.
   * @throws {RangeError} If an index is out of range.
   */
  take(indices: ArrayLike<number>): Dataset<Columns> {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      if (Number.isInteger(index) && index >= 0 && index < this.length) {
        continue;
      }
      throw new RangeError(
        `Cannot take from a Dataset: an index must be an integer in [0, ${this.length}): current value is ${index}`,
      );
    }
    return new Dataset<Columns>(
      this.columns.map((column) => ({
        data: gather(column, indices),
        shape: column.shape,
      })) as unknown as [...Columns],
    );
  }

  /**
   * Split into two datasets: the first `count` examples and the rest.
   *
   * @param count The size of the first part: a number of examples, or a fraction
   *   below 1.
   * @param options `random`: a state to shuffle with before the split.
   * @returns The two parts.
   * @throws {RangeError} If a part would be empty.
   */
  split(
    count: number,
    options: { readonly random?: random.RandomState } = {},
  ): [Dataset<Columns>, Dataset<Columns>] {
    checkOptions("split a Dataset", options, SPLIT_RULES);
    const first = count < 1 ? Math.round(count * this.length) : count;
    if (!Number.isInteger(first) || first < 1 || first >= this.length) {
      throw new RangeError(
        `Cannot split a Dataset: both of its parts must have examples: current count is ${count} of ${this.length}`,
      );
    }
    const order = options.random
      ? random.permutation(this.length, options)
      : Int32Array.from({ length: this.length }, (_, i) => i);
    return [
      this.take(order.subarray(0, first)),
      this.take(order.subarray(first)),
    ];
  }

  /**
   * Apply a function to each example, once. For changes that differ from epoch to
   * epoch (augmentation), use the option `map` of {@linkcode batches}.
   *
   * @param fn Called with the values of an example, an array for each column, and
   *   its index. Returns one array for each column of the result, of the same kind
   *   for each example. An array of another length becomes an example of rank 1.
   * @returns A new dataset.
   * @throws {RangeError} If the lengths differ from example to example.
   */
  map<const Out extends readonly ColumnData[]>(
    fn: (...example: [...Rows<Columns>, index: number]) => readonly [...Out],
  ): Dataset<{ [K in keyof Out]: Column }> {
    let columns: { data: ColumnData; shape: readonly number[] }[] = [];
    for (let i = 0; i < this.length; i++) {
      const example = this.columns.map((column) => {
        const size = sizeOf(column);
        return column.data.subarray(i * size, (i + 1) * size);
      });
      const rows = fn(
        ...[...example, i] as unknown as [...Rows<Columns>, index: number],
      );
      if (i === 0) {
        columns = rows.map((row, c) => ({
          data: arrayLike(row, row.length * this.length),
          shape: example[c]?.length === row.length
            ? this.columns[c]!.shape
            : [row.length],
        }));
      }
      rows.forEach((row, c) => {
        const size = sizeOf(columns[c]!);
        if (row.length !== size) {
          throw new RangeError(
            `Cannot map a Dataset: each example must give ${size} values for column ${c}: example ${i} gave ${row.length}`,
          );
        }
        columns[c]!.data.set(row, i * size);
      });
    }
    return new Dataset(columns) as unknown as Dataset<
      { [K in keyof Out]: Column }
    >;
  }
}

const SPLIT_RULES = {
  random: instanceOf(random.RandomState, "a RandomState"),
};

/** How many numbers one example has. */
export function sizeOf({ shape }: Column): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** How many examples a column has. */
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
