/**
 * Several metrics at once.
 *
 * @module
 */
import { check, checkNoMore, recordOf } from "../../internal/check.ts";
import { type Metric, metricRule } from "./metric.ts";

/** Metrics by name that take the same arguments. */
export type Metrics<A extends readonly unknown[]> = Readonly<
  Record<string, Metric<A, unknown>>
>;

/** The values of metrics, by name. */
export type Computed<M> = {
  [K in keyof M]: M[K] extends { compute(): Promise<infer V> } ? V : never;
};

/**
 * Several metrics of the same batches.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const metrics = new nn.MultiMetric({
 *   accuracy: new nn.AccuracyMetric(),
 *   top2: new nn.AccuracyMetric({ topK: 2 }),
 * });
 * metrics.update(tf.tensor2d([[1, 3, 2]]), tf.tensor1d([2], "int32"));
 * assertEquals(await metrics.compute(), { accuracy: 0, top2: 1 });
 * ```
 *
 * @typeParam A The arguments of `update`.
 * @typeParam M The metrics by name.
 */
export class MultiMetric<
  A extends readonly unknown[],
  M extends Metrics<A>,
> implements Metric<A, Computed<M>> {
  /** The metrics by name. */
  readonly metrics: M;

  /**
   * Keep the settings.
   *
   * @param metrics The metrics by name.
   * @param none No more arguments.
   */
  constructor(metrics: M & Metrics<A>, ...none: readonly never[]) {
    checkNoMore("create MultiMetric", none);
    check("create MultiMetric", "metrics", metrics, recordOf(metricRule));
    this.metrics = metrics;
  }

  /** Forgets all batches. */
  reset(): void {
    for (const metric of Object.values(this.metrics)) metric.reset();
  }

  /** Adds a batch. */
  update(...args: A): void {
    for (const metric of Object.values(this.metrics)) metric.update(...args);
  }

  /** The values by name. */
  async compute(): Promise<Computed<M>> {
    const values = await Promise.all(
      Object.entries(this.metrics).map(async ([name, metric]) =>
        [name, await metric.compute()] as const
      ),
    );
    return Object.fromEntries(values) as Computed<M>;
  }
}
