/**
 * Examples in memory, as typed arrays.
 *
 * @module
 */
import { anything, check, checkOptions, listOf } from "../internal/check.ts";
import * as random from "../random.ts";
import { stream } from "../random/state.ts";
import {
  type Column,
  gather,
  lengthOf,
  type Numbers,
  toColumn,
} from "./column.ts";
import { ColumnBuilder, exampleAt } from "./column_builder.ts";

/** The values of one example, an array for each column. */
export type Rows<Columns extends readonly Column[]> = {
  [K in keyof Columns]: Columns[K]["data"];
};

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
    check("create a Dataset", "columns", columns, listOf(anything));
    const made = columns.map((source) => toColumn("create a Dataset", source));
    const lengths = made.map(lengthOf);
    const [length] = lengths;
    if (length === undefined || lengths.some((other) => other !== length)) {
      throw new RangeError(
        `Cannot create a Dataset: there must be at least one column, all of one length: current lengths are [${
          lengths.join(", ")
        }]`,
      );
    }
    this.columns = made as unknown as Columns;
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
   *   its index. Returns one array of numbers for each column of the result. An
   *   array of another length becomes an example of rank 1. The values become
   *   those of a {@linkcode column}: whole numbers stay int32, and where a function
   *   makes fractions of bytes (`pixels.map((x) => x / 255)`) they stay fractions.
   * @returns A new dataset.
   * @throws {RangeError} If the lengths differ from example to example.
   */
  map<const Out extends readonly Numbers[]>(
    fn: (...example: [...Rows<Columns>, index: number]) => readonly [...Out],
  ): Dataset<{ [K in keyof Out]: Column }> {
    const builders: ColumnBuilder[] = [];
    for (let i = 0; i < this.length; i++) {
      const example = this.columns.map((column) => exampleAt(column, i));
      const rows = fn(
        ...[...example, i] as unknown as [...Rows<Columns>, index: number],
      );
      check(
        "map a Dataset",
        "what the function returns",
        rows,
        listOf(anything),
      );
      for (let c = 0; c < Math.max(rows.length, builders.length); c++) {
        if (i === 0) {
          const like = this.columns[c];
          builders.push(new ColumnBuilder(c, this.length, like));
        }
        builders[c]!.add(rows[c]);
      }
    }
    const columns = builders.map((builder) => builder.column());
    return new Dataset(columns) as unknown as Dataset<
      { [K in keyof Out]: Column }
    >;
  }
}

const SPLIT_RULES = {
  random: stream,
};
