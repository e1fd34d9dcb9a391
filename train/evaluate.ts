/**
 * Measuring a model on data that it does not learn from.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { environ } from "../environ.ts";
import { scope } from "../memory.ts";
import type { Batch } from "../data/batches.ts";
import type { BatchSource } from "../data/sources.ts";

/** From a batch to a scalar: the mean over its examples. */
export type Measure<B extends Batch> = (...batch: B) => tf.Scalar;

/**
 * The means of measures over batches, each batch weighted by its examples (the
 * size of the first axis of its first tensor).
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
 * @param measures What to measure, by name.
 * @param options `limit`: the most batches to take; all by default.
 * @returns The mean of each measure, under its name.
 * @throws {RangeError} If there is no batch.
 */
export async function evaluate<
  B extends Batch,
  const Measures extends Readonly<Record<string, Measure<B>>>,
>(
  data: BatchSource<B>,
  measures: Measures,
  { limit = Infinity }: { readonly limit?: number } = {},
): Promise<{ [Name in keyof Measures]: number }> {
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

/** How many examples a batch has. */
export function examplesIn(batch: Batch): number {
  return batch[0]?.shape[0] ?? 1;
}
