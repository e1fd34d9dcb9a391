/**
 * Columns built example by example.
 *
 * @module
 */
import {
  checkNumbers,
  type Column,
  type ColumnData,
  fromNumbers,
  isFloats,
  type Numbers,
  sizeOf,
} from "./column.ts";

/** Numbers computed from integers, which may be fractions. */
class Computed extends Float64Array {}

/** Bytes; `map` and the like return the numbers computed, not bytes. */
class ByteRow extends Uint8Array<ArrayBufferLike> {
  static get [Symbol.species](): typeof Computed {
    return Computed;
  }
  override subarray(begin?: number, end?: number): Uint8Array {
    const { buffer, byteOffset, length } = this;
    return new Uint8Array(buffer, byteOffset, length).subarray(begin, end);
  }
}

/** Integers; `map` and the like return the numbers computed, not integers. */
class IntegerRow extends Int32Array<ArrayBufferLike> {
  static get [Symbol.species](): typeof Computed {
    return Computed;
  }
  override subarray(begin?: number, end?: number): Int32Array {
    const { buffer, byteOffset, length } = this;
    return new Int32Array(buffer, byteOffset, length).subarray(begin, end);
  }
}

/** The values of one example, as a view of the column. */
export function exampleAt(column: Column, index: number): ColumnData {
  const { data } = column;
  const size = sizeOf(column);
  const start = data.byteOffset + index * size * data.BYTES_PER_ELEMENT;
  if (data instanceof Float32Array) {
    return data.subarray(index * size, (index + 1) * size);
  }
  return data instanceof Int32Array
    ? new IntegerRow(data.buffer, start, size)
    : new ByteRow(data.buffer, start, size);
}

const ACTION = "map a Dataset";

/** What the numbers of an array are. */
type Kind = "bytes" | "integers" | "floats" | "any";

/** Collects the examples of a column, each an array of numbers. */
export class ColumnBuilder {
  readonly #index: number;
  readonly #length: number;
  readonly #like: Column | undefined;
  /** All values; every number of a column is exact in float64. */
  #values = new Float64Array();
  #size = -1;
  #added = 0;
  /** The kinds of arrays that were added. */
  readonly #kinds = new Set<Kind>();

  /**
   * Build column `index` of `length` examples.
   *
   * @param like The column whose shape to keep if the size stays the same.
   */
  constructor(index: number, length: number, like: Column | undefined) {
    this.#index = index;
    this.#length = length;
    this.#like = like;
  }

  /** Add an example. */
  add(row: unknown): void {
    const name = `column ${this.#index} of example ${this.#added}`;
    checkNumbers(ACTION, name, row);
    if (this.#size < 0) {
      this.#size = row.length;
      this.#values = new Float64Array(this.#size * this.#length);
    }
    if (row.length !== this.#size) {
      throw new RangeError(
        `Cannot map a Dataset: each example must give ${this.#size} values for column ${this.#index}: example ${this.#added} gave ${row.length}`,
      );
    }
    this.#kinds.add(kindOf(row));
    this.#values.set(row, this.#added * this.#size);
    this.#added++;
  }

  /** The column. */
  column(): Column {
    const isSame = this.#like && sizeOf(this.#like) === this.#size;
    const shape = isSame ? this.#like!.shape : [this.#size];
    return { data: this.#data(), shape };
  }

  #data(): ColumnData {
    const values = this.#values;
    const has = (kind: Kind) => this.#kinds.has(kind);
    if (has("floats")) return fromNumbers(ACTION, values, true);
    if (has("any")) return fromNumbers(ACTION, values, false);
    return has("integers") ? Int32Array.from(values) : Uint8Array.from(values);
  }
}

function kindOf(row: Numbers): Kind {
  if (row instanceof Computed || Array.isArray(row)) return "any";
  if (row instanceof Uint8Array || row instanceof Uint8ClampedArray) {
    return "bytes";
  }
  if (isFloats(row)) return "floats";
  return row instanceof Uint32Array ? "any" : "integers";
}
