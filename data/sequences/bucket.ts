/**
 * Batches of sequences of about the same length.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  check,
  checkOptions,
  either,
  increasingListOf,
  listOf,
  nonemptyListOf,
  oneOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import {
  type Batch,
  Batches,
  mapped,
  MAPPED_RULES,
  type MappedBatchesOptions,
} from "../batch.ts";
import { type BatchTensor, examplesAt } from "../batches.ts";
import { type Column, lengthOf, type Numbers, toColumn } from "../column.ts";
import type { BatchesOptions, Cut } from "../passes.ts";
import {
  checkPadding,
  hasFloats,
  largest,
  maskOf,
  pad,
  type Sequences,
  toColumns,
} from "./pad.ts";

/** What batches are made of: sequences, or one number or example for each of them. */
export type BucketSource = Sequences | Numbers | Column;

/** The tensor type of a batch of `S`. */
export type BucketTensor<S> = S extends readonly Column<readonly [number]>[]
  ? tf.Tensor3D
  : S extends readonly Column[] ? tf.Tensor
  : S extends readonly Numbers[] ? tf.Tensor2D
  : BatchTensor<S>;

/** One tensor for each source, and the mask of the first. */
export type BucketOf<S extends readonly unknown[]> = [
  ...{ -readonly [K in keyof S]: BucketTensor<S[K]> },
  mask: tf.Tensor2D,
];

/** Options of {@linkcode bucketByLength}. */
export interface BucketOptions extends BatchesOptions {
  /**
   * The largest length in each bucket, rising. Sequences longer than the last are in one
   * bucket more.
   */
  readonly boundaries: readonly number[];
  /**
   * What to pad to: the `"longest"` sequence of the batch, or the `"boundary"` of its
   * bucket, so that there are few shapes, as compiled steps need.
   *
   * @default {"longest"}
   */
  readonly padTo?: "longest" | "boundary";
  /**
   * The number that stands where a sequence has ended, for all sources or for each:
   * `[0, -100]` for tokens and for labels with the `ignoreIndex` -100. That of a source
   * without sequences is 0. @default {0}
   */
  readonly padding?: number | readonly number[];
}

/** Options of {@linkcode bucketByLength} with a function over each batch. */
export interface MappedBucketOptions<From extends Batch, To extends Batch>
  extends BucketOptions, MappedBatchesOptions<From, To> {}

const ACTION = "make batches of sequences";
const RULES: OptionRules<MappedBucketOptions<Batch, Batch>> = {
  ...MAPPED_RULES,
  boundaries: increasingListOf("a positive integer"),
  padTo: oneOf("longest", "boundary"),
  padding: either("a finite number", listOf("a finite number")),
};

/**
 * Batches of sequences of about the same length, so that little of them is padding.
 *
 * The length of the first source decides on the bucket of an example; each batch is of
 * one bucket. A batch has a tensor for each source and the mask of the first, bool
 * `[batch, time]`, true where the sequence has not ended.
 *
 * @example Texts and labels
 * ```ts
 * import { data, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const texts = [[1, 2], [3, 4, 5, 6, 7], [8], [9, 8, 7, 6]];
 * const labels = [0, 1, 0, 1];
 * const shapes = [];
 * for (
 *   const [x, y, mask] of data.bucketByLength([texts, labels], {
 *     batchSize: 2,
 *     boundaries: [2, 5],
 *   })
 * ) {
 *   shapes.push([...x.shape, ...y.shape, ...mask.shape]);
 * }
 * assertEquals(shapes, [[2, 2, 2, 2, 2], [2, 5, 2, 2, 5]]);
 * ```
 *
 * @param sources At least one; the first has sequences. Others have sequences, numbers
 *   or a column, for each of them.
 * @param options See {@linkcode BucketOptions}; the others are those of `batches`.
 * @returns An iterable, to be looped over once for each epoch.
 * @throws {RangeError} If the sources have different lengths; with `padTo: "boundary"`,
 *   if a sequence is longer than the last boundary.
 */
export function bucketByLength<
  const S extends readonly BucketSource[],
  To extends Batch,
>(
  sources: readonly [...S],
  options: MappedBucketOptions<Extract<BucketOf<S>, Batch>, To>,
): Batches<To>;
/**
 * Batches of sequences of about the same length, unchanged.
 *
 * @param sources At least one; the first has sequences.
 * @param options See {@linkcode BucketOptions}.
 * @returns An iterable, to be looped over once for each epoch.
 */
export function bucketByLength<const S extends readonly BucketSource[]>(
  sources: readonly [...S],
  options: BucketOptions,
): Batches<Extract<BucketOf<S>, Batch>>;
export function bucketByLength(
  sources: readonly BucketSource[],
  options: BucketOptions & {
    readonly map?: (...batch: never) => readonly tf.Tensor[];
  },
): Batches<Batch> {
  check(ACTION, "sources", sources, nonemptyListOf(anything));
  checkOptions(ACTION, options, RULES);
  const { boundaries, padTo = "longest", padding = 0, map } = options;
  check(ACTION, "boundaries", boundaries, RULES.boundaries);
  if (typeof padding !== "number" && padding.length !== sources.length) {
    refuse(ACTION, "padding", `of ${sources.length} numbers`, padding);
  }
  const read = sources.map((source) =>
    isSequences(source) ? toColumns(ACTION, source) : toColumn(ACTION, source)
  );
  const [first] = read;
  if (!Array.isArray(first)) {
    refuse(ACTION, "sources[0]", "a list of sequences", sources[0], TypeError);
  }
  const counts = read.map((source) =>
    Array.isArray(source) ? source.length : lengthOf(source as Column)
  );
  if (counts.some((count) => count !== counts[0])) {
    const is = "of the same number of examples";
    refuse(ACTION, "the sources", is, counts);
  }
  // Of all batches alike, also of those that have integers only.
  const isFloats = read.map((source, s) => {
    if (!Array.isArray(source)) {
      if (typeof padding === "number" || padding[s] === 0) return false;
      const is = "0, since the source has no sequences";
      refuse(ACTION, `padding[${s}]`, is, padding[s]);
    }
    const floats = hasFloats(source);
    checkPadding(ACTION, numberAt(padding, s), floats);
    return floats;
  });
  const lengths = (first as Column[]).map(lengthOf);
  const bucketOf = Int32Array.from(lengths, (length) => {
    const bucket = boundaries.findIndex((boundary) => length <= boundary);
    return bucket < 0 ? boundaries.length : bucket;
  });
  const longest = largest(lengths);
  const isBoundary = padTo === "boundary";
  if (isBoundary && longest > (boundaries.at(-1) ?? 0)) {
    const is = `at least ${longest}, the length of the longest sequence`;
    refuse(ACTION, "the last of boundaries", is, boundaries.at(-1));
  }
  const select = (indices: Int32Array): tf.Tensor[] => {
    const ends = Array.from(indices, (i) => lengths[i]!);
    const boundary = isBoundary ? boundaries[bucketOf[indices[0]!]!]! : 1;
    const to = Math.max(largest(ends), boundary);
    const tensors = read.map((source, s) => {
      if (!Array.isArray(source)) return examplesAt(source as Column, indices);
      const columns = Array.from(indices, (i) => source[i] as Column);
      const own = s === 0
        ? to
        : Math.max(largest(columns.map(lengthOf)), boundary);
      return pad(columns, own, numberAt(padding, s), isFloats[s]!);
    });
    return [...tensors, maskOf(ends, to)];
  };
  const make = map
    ? (indices: Int32Array) => tf.tidy(() => mapped(map, select(indices)))
    : select;
  return new Batches<Batch>(
    make,
    lengths.length,
    options,
    cutByBucket(bucketOf, boundaries.length + 1, options),
  );
}

/** Batches of each bucket, in the order in which they become full. */
function cutByBucket(
  bucketOf: Int32Array,
  buckets: number,
  { batchSize = 32, dropLast }: BatchesOptions,
): Cut {
  return (order) => {
    const open = Array.from({ length: buckets }, (): number[] => []);
    const batches: Int32Array[] = [];
    for (const i of order) {
      const bucket = open[bucketOf[i]!]!;
      bucket.push(i);
      if (bucket.length === batchSize) {
        batches.push(Int32Array.from(bucket.splice(0)));
      }
    }
    const rest = dropLast ? [] : open.filter(({ length }) => length > 0);
    return [...batches, ...rest.map((bucket) => Int32Array.from(bucket))];
  };
}

/** Whether a source is a list of sequences, and not of numbers. */
function isSequences(source: BucketSource): source is Sequences {
  return Array.isArray(source) && typeof source[0] === "object";
}

function numberAt(padding: number | readonly number[], i: number): number {
  return typeof padding === "number" ? padding : padding[i]!;
}
