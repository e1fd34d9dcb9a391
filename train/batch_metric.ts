/**
 * Metrics of `nn` as measures of batches.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { callable, check } from "../internal/check.ts";
import type { Batch } from "../data/batch.ts";
import { metricRule } from "../nn/metrics/metric.ts";
import type { Metric, Module } from "../nn/mod.ts";
import type { Matrix } from "./logs/run_log.ts";
import type { Mode } from "./measure.ts";

/** The value of a metric: a number, or a matrix, such as a confusion matrix. */
export type MetricValue = number | Matrix;

/**
 * A metric with what it is updated with for each batch.
 *
 * @typeParam B The tensors of a batch.
 * @typeParam V The value of the metric.
 */
export interface BatchMetric<
  B extends Batch,
  V extends MetricValue = number,
> {
  /** Whether smaller or larger values are better, if the metric states it. */
  readonly mode?: Mode | undefined;
  /** Forgets all batches. */
  reset(): void;
  /** Adds a batch. */
  update(...batch: B): void;
  /** The value for all batches since the last reset. */
  compute(): Promise<V>;
}

/** A metric of predictions and targets. */
export type PredictionMetric = Metric<
  [predictions: tf.Tensor, targets: tf.Tensor],
  MetricValue
>;

/** The batch metrics that {@linkcode metric} and {@linkcode metricOf} made. */
const made = new WeakSet<object>();

/** Whether `x` takes batches, rather than predictions and targets. */
export function isBatchMetric(x: object): boolean {
  return made.has(x);
}

function wrapped<
  B extends Batch,
  A extends readonly unknown[],
  V extends MetricValue,
>(metric: Metric<A, V>, args: (...batch: B) => A): BatchMetric<B, V> {
  const batchMetric: BatchMetric<B, V> = {
    mode: metric.mode,
    reset: () => metric.reset(),
    update: (...batch) => metric.update(...args(...batch)),
    compute: () => metric.compute(),
  };
  made.add(batchMetric);
  return batchMetric;
}

/**
 * A metric of `nn` for {@linkcode evaluate} and {@linkcode fit}, such as F1 or the area
 * under a curve, which is no mean over batches. {@linkcode fit} also takes metrics that
 * are matrices, such as `nn.ConfusionMatrix`.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const scores = tf.tensor1d([0.1, 0.9, 0.4, 0.2]);
 * const targets = tf.tensor1d([0, 1, 0, 1], "int32");
 * const auc = train.metric(
 *   new nn.AUCMetric(),
 *   (scores: tf.Tensor1D, targets: tf.Tensor1D) => [scores, targets],
 * );
 * const data = train.batches([scores, targets], { batchSize: 2 });
 * assertEquals(await train.evaluate(data, { auc }), { auc: 0.75 });
 * ```
 *
 * @typeParam B The tensors of a batch.
 * @typeParam A The arguments of `update`.
 * @typeParam V The value of the metric.
 * @param metric The metric.
 * @param args The function from a batch to what the metric is updated with.
 * @returns The measure.
 */
export function metric<
  B extends Batch,
  A extends readonly unknown[] | [],
  V extends MetricValue,
>(metric: Metric<A, V>, args: (...batch: B) => A): BatchMetric<B, V> {
  check("make a measure", "the metric", metric, metricRule);
  check("make a measure", "args", args, callable);
  return wrapped(metric, args);
}

/** What an error of a model that is measured says of the batch. */
function howToMeasure({ length }: Batch): string {
  return `a metric calls the model with the first ${
    length - 1
  } of the ${length} tensors of a batch, and takes the last for the targets: if the batch has another order, give train.metric(metric, (...batch) => [predictions, targets])`;
}

/**
 * The measure of what `model` predicts for all tensors of a batch but the last, which
 * are the targets.
 */
export function metricOf<B extends Batch>(
  metric: PredictionMetric,
  model: Module,
): BatchMetric<B, MetricValue> {
  return wrapped(metric, (...batch: B) => {
    const inputs = batch.slice(0, -1), targets = batch.at(-1)!;
    try {
      return [model.call(...inputs as never[]) as tf.Tensor, targets];
    } catch (error) {
      if (error instanceof Error) error.message += `: ${howToMeasure(batch)}`;
      throw error;
    }
  });
}
