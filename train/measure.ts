/**
 * Measures of a batch.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { callable, check, oneOf } from "../internal/check.ts";
import type { Batch } from "../data/batch.ts";

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
