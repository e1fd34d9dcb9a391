/**
 * Evaluation of a model.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  checkOptions,
  either,
  iterable,
  oneOf,
  recordOf,
} from "../internal/check.ts";
import { environ } from "../environ.ts";
import { scope } from "../memory.ts";
import type { Batch } from "../data/batch.ts";
import {
  type BatchSource,
  latestTensor,
  noBatch,
  passOver,
} from "../data/sources.ts";

/** Whether smaller or larger values are better. */
export type Mode = "min" | "max";

/** A function from a batch to the mean of a measure over its examples. */
export interface Measure<B extends Batch> {
  (...batch: B): tf.Scalar;
  /** Whether smaller or larger values are better, if the measure states it. */
  readonly mode?: Mode;
}

/**
 * A measure that states whether smaller or larger values of it are better, for
 * early stopping and the best checkpoint.
 *
 * @example Usage
 * ```ts
 * import { tf, train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const accuracy = train.measure(
 *   (scores: tf.Tensor2D, labels: tf.Tensor1D) =>
 *     tf.mean(tf.equal(tf.argMax(scores, 1), labels)),
 *   "max",
 * );
 * assertEquals(accuracy.mode, "max");
 * ```
 *
 * @typeParam B The tensors of a batch.
 * @param fn The function from a batch to the mean over its examples.
 * @param mode Whether smaller or larger values are better.
 * @returns The measure.
 */
export function measure<B extends Batch>(
  fn: (...batch: B) => tf.Scalar,
  mode: Mode,
): Measure<B> {
  check("make a measure", "the function", fn, callable);
  check("make a measure", "mode", mode, oneOf("min", "max"));
  return Object.assign((...batch: B) => fn(...batch), { mode });
}

/**
 * Compute the means of measures over batches, each batch weighted by its number of
 * examples (the size of the first axis of its first tensor).
 *
 * The measures run with `fit` false in the environment. The sums stay on the
 * device and are read once, at the end.
 *
 * @example Usage
 * ```ts
 * import { tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const data = train.batches([Float32Array.of(1, 2, 6)], { batchSize: 2 });
 * const means = await train.evaluate(data, { mean: (x) => tf.mean<tf.Scalar>(x) });
 * assertEquals(means, { mean: 3 });
 * ```
 *
 * @param data The batches. Those that a generator creates are freed.
 * @param measures The measures, by name.
 * @param options `limit`: the largest number of batches; all by default.
 * @returns The mean of each measure, under its name.
 * @throws {RangeError} If there is no batch.
 */
export async function evaluate<
  B extends Batch,
  const Measures extends Readonly<Record<string, Measure<B>>>,
>(
  data: BatchSource<B>,
  measures: Measures,
  options: { readonly limit?: number } = {},
): Promise<{ [Name in keyof Measures]: number }> {
  check("evaluate", "the data", data, either(callable, iterable));
  check("evaluate", "measures", measures, recordOf(callable));
  checkOptions("evaluate", options, { limit: "a positive number" });
  const { limit = Infinity } = options;
  const names = Object.keys(measures);
  const since = latestTensor();
  let sums: tf.Tensor1D | undefined;
  let examples = 0;
  let batches = 0;
  try {
    for await (const batch of passOver("evaluate", data, since)) {
      const size = examplesIn(batch);
      const next: tf.Tensor1D = scope(() => {
        const means = environ.context(
          { fit: false },
          () =>
            names.map((name) =>
              tf.cast<tf.Scalar>(measures[name]!(...batch), "float32")
            ),
        );
        const part = tf.mul<tf.Tensor1D>(tf.stack(means), size);
        return sums ? tf.add(sums, part) : part;
      });
      sums?.dispose();
      sums = next;
      examples += size;
      if (++batches >= limit) break;
    }
    if (!sums) throw noBatch("evaluate", data);
    const totals = await sums.data<"float32">();
    return Object.fromEntries(
      names.map((name, i) => [name, totals[i]! / examples]),
    ) as { [Name in keyof Measures]: number };
  } finally {
    sums?.dispose();
  }
}

/** The number of examples in a batch. */
export function examplesIn(batch: Batch): number {
  return batch[0]?.shape[0] ?? 1;
}
