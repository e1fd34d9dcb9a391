/**
 * Evaluation of a model.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { callable, check, checkOptions, iterable, recordOf } from "../check.ts";
import { environ } from "../environ.ts";
import { scope } from "../memory.ts";
import type { Batch } from "../data/batches.ts";
import type { BatchSource } from "../data/sources.ts";

/** A function from a batch to the mean of a measure over its examples. */
export type Measure<B extends Batch> = (...batch: B) => tf.Scalar;

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
 * @param data The batches.
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
  check("evaluate", "the data", data, iterable);
  check("evaluate", "measures", measures, recordOf(callable));
  checkOptions("evaluate", options, { limit: "a positive number" });
  const { limit = Infinity } = options;
  const names = Object.keys(measures);
  let sums: tf.Tensor1D | undefined;
  let examples = 0;
  let batches = 0;
  try {
    for await (const batch of data) {
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
    if (!sums) {
      throw new RangeError("Cannot evaluate: the data must give a batch");
    }
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
