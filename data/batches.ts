/**
 * Batches of arrays and tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { anything, check, checkOptions, listOf } from "../internal/check.ts";
import {
  type Batch,
  Batches,
  mapped,
  MAPPED_RULES,
  type MappedBatchesOptions,
} from "./batch.ts";
import {
  type Column,
  gather,
  lengthOf,
  type Numbers,
  toColumn,
} from "./column.ts";
import { Dataset } from "./dataset.ts";
import type { BatchesOptions } from "./passes.ts";

/** What batches are cut from; the first axis counts the examples. */
export type Source = tf.Tensor | Numbers | Column;

/** The tensor type of a batch of `S`. */
export type BatchTensor<S> = S extends tf.Tensor ? S
  : S extends Column<infer Shape> ? TensorOfExamples<Shape>
  : tf.Tensor1D;

/** The tensor type of several examples of a shape: one rank more. */
export type TensorOfExamples<Shape extends readonly number[]> = number extends
  Shape["length"] ? tf.Tensor
  : Shape["length"] extends 0 ? tf.Tensor1D
  : Shape["length"] extends 1 ? tf.Tensor2D
  : Shape["length"] extends 2 ? tf.Tensor3D
  : Shape["length"] extends 3 ? tf.Tensor4D
  : tf.Tensor;

/** One tensor for each source. */
export type BatchOf<Sources extends readonly unknown[]> = {
  -readonly [K in keyof Sources]: BatchTensor<Sources[K]>;
};

/**
 * Iterate over arrays or tensors in batches.
 *
 * @example A loop over batches
 * ```ts
 * import { tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const points = train.column(Float32Array.of(0, 1, 2, 3, 4, 5), [2]);
 * const labels = Int32Array.of(7, 8, 9);
 * const sizes = [];
 * for (const [x, y] of train.batches([points, labels], { batchSize: 2 })) {
 *   sizes.push([...x.shape, ...y.shape]); // freed when the next one is taken
 * }
 * assertEquals(sizes, [[2, 2, 2], [1, 2, 1]]);
 * assertEquals(tf.memory().numTensors, 0);
 * ```
 *
 * @param data A list of tensors, numbers (one for each example) or columns, or a
 *   {@linkcode Dataset}. See {@linkcode column} for the dtypes of numbers.
 * @param options Size and order; `map` for scaling and augmentation.
 * @returns An iterable, to be looped over once for each epoch.
 * @throws {RangeError} If the sources have different lengths, or a size is wrong.
 */
export function batches<
  const Sources extends readonly Source[],
  To extends Batch,
>(
  data: readonly [...Sources] | Dataset<Extract<Sources, readonly Column[]>>,
  options: MappedBatchesOptions<Extract<BatchOf<Sources>, Batch>, To>,
): Batches<To>;
/**
 * Iterate over arrays or tensors in batches, unchanged.
 *
 * @param data A list of tensors, numbers or columns, or a {@linkcode Dataset}.
 * @param options Size and order.
 * @returns An iterable, to be looped over once for each epoch.
 * @throws {RangeError} If the sources have different lengths, or a size is wrong.
 */
export function batches<const Sources extends readonly Source[]>(
  data: readonly [...Sources] | Dataset<Extract<Sources, readonly Column[]>>,
  options?: BatchesOptions,
): Batches<Extract<BatchOf<Sources>, Batch>>;
export function batches(
  data: readonly Source[] | Dataset,
  options: BatchesOptions & {
    readonly map?: (...batch: tf.Tensor[]) => readonly tf.Tensor[];
  } = {},
): Batches<Batch> {
  if (!(data instanceof Dataset)) {
    check("make batches", "data", data, listOf(anything));
  }
  const sources = (data instanceof Dataset ? data.columns : data)
    .map((source) =>
      source instanceof tf.Tensor ? source : toColumn("make batches", source)
    );
  const lengths = sources.map((source) =>
    source instanceof tf.Tensor ? source.shape[0] ?? 0 : lengthOf(source)
  );
  if (lengths.length === 0 || lengths.some((other) => other !== lengths[0])) {
    throw new RangeError(
      `Cannot make batches: there must be at least one source, all with the same number of examples: current numbers are [${
        lengths.join(", ")
      }]`,
    );
  }
  checkOptions("make batches", options, MAPPED_RULES);
  const { map } = options;
  const select = (indices: Int32Array) =>
    sources.map((source) => examplesAt(source, indices));
  const make = map
    ? (indices: Int32Array) => tf.tidy(() => mapped(map, select(indices)))
    : select;
  return new Batches<Batch>(make, lengths[0]!, options);
}

/** A tensor of the examples at some indices. */
export function examplesAt(
  source: tf.Tensor | Column,
  indices: Int32Array,
): tf.Tensor {
  if (source instanceof tf.Tensor) {
    return tf.tidy(() => {
      const inOrder = indices.every((index, i) => index === indices[0]! + i);
      if (!inOrder) return tf.gather(source, tf.tensor1d(indices, "int32"));
      const rest = source.shape.slice(1);
      return tf.slice(
        source,
        [indices[0]!, ...rest.map(() => 0)],
        [indices.length, ...rest],
      );
    });
  }
  const data = gather(source, indices);
  return tf.tensor(
    data,
    [indices.length, ...source.shape],
    data instanceof Float32Array ? "float32" : "int32",
  );
}
