/**
 * Running statistics, computed again.
 *
 * @module
 */
import {
  callable,
  check,
  checkOptions,
  iterable,
  type OptionRules,
} from "../../internal/check.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import * as tf from "../../tf.ts";
import { transaction } from "../../internal/transaction.ts";
import type { Module } from "../module/module.ts";
import { checkModule } from "../module/module_rule.ts";
import { type BatchNorm, collectStatistics } from "./batch_norm.ts";

/** Options of {@linkcode refreshStatistics}. */
export interface RefreshStatisticsOptions<B> {
  /**
   * Runs the model on a batch. Default: calls the model with the batch, or with its first
   * tensor if it is a list.
   */
  readonly forward?: (batch: B) => unknown;
}

const RULES: OptionRules<RefreshStatisticsOptions<unknown>> = {
  forward: callable,
};

/** The statistics of the values seen so far. */
interface Moments {
  readonly count: number;
  readonly mean: tf.Tensor;
  /** The sum of the squared deviations from the mean. */
  readonly deviation: tf.Tensor;
}

/**
 * Computes the running statistics of all batch normalizations in a model again, with one
 * pass over data: for weights that were averaged or loaded without statistics.
 *
 * The statistics become the mean and the biased variance of all values that each
 * normalization receives in the pass, whatever its momentum and however many batches
 * there are. The model runs with `fit` true, so that inner normalizations use the
 * statistics of the batch, as in training. Nothing else changes: other states, such as
 * parameters, random streams and hidden states, are as before. If a batch throws,
 * so are the statistics.
 *
 * As torch's `optim.swa_utils.update_bn`, which averages the variances of the batches
 * without the variance of their means.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.BatchNorm0d(1);
 * const batches = [tf.tensor2d([[0], [2]]), tf.tensor2d([[4], [6]])];
 * await nn.refreshStatistics(model, batches);
 * assertEquals([...await model.runningMean!.value.data()], [3]);
 * assertEquals([...await model.runningVar!.value.data()], [5]);
 * ```
 *
 * @typeParam B A batch.
 * @param model The model.
 * @param batches The data, or a function that returns it. Batches are not freed.
 * @param options See {@linkcode RefreshStatisticsOptions}.
 * @throws {RangeError} If there is no batch.
 */
export async function refreshStatistics<B>(
  model: Module,
  batches:
    | Iterable<B>
    | AsyncIterable<B>
    | (() => Iterable<B> | AsyncIterable<B>),
  options: RefreshStatisticsOptions<B> = {},
): Promise<void> {
  const action = "refresh statistics";
  checkModule(action, model);
  checkOptions<RefreshStatisticsOptions<never>>(action, options, RULES);
  const source = typeof batches === "function" ? batches() : batches;
  check(action, "batches", source, iterable);
  const { forward = (batch) => callWith(model, batch) } = options;
  const moments = new Map<BatchNorm<tf.Tensor>, Moments>();
  let any = false;
  try {
    for await (const batch of source) {
      any = true;
      scope(() => {
        const run = () =>
          environ.context({ fit: true }, () => void forward(batch));
        // Called inside the scope, which frees what was put in place of old moments.
        const { rollback } = transaction(() =>
          collectStatistics((norm, mean, variance, count) => {
            const old = moments.get(norm);
            const next = { count, mean, deviation: tf.mul(variance, count) };
            moments.set(norm, keep(old ? merge(old, next) : next));
            if (old) tf.dispose([old.mean, old.deviation]);
          }, run)
        );
        rollback();
      });
    }
    if (!any) {
      throw new RangeError(`Cannot ${action}: the data must give a batch`);
    }
    scope(() => {
      for (const [norm, { count, mean, deviation }] of moments) {
        norm.runningMean!.value = mean as tf.Tensor1D;
        norm.runningVar!.value = tf.div(deviation, count);
      }
    });
  } finally {
    for (const { mean, deviation } of moments.values()) {
      tf.dispose([mean, deviation]);
    }
  }
}

function callWith(model: Module, batch: unknown) {
  const input: unknown = Array.isArray(batch) ? batch[0] : batch;
  return model.call(input as never);
}

/** The statistics of the values of both (Chan et al. 1979). */
function merge(a: Moments, b: Moments): Moments {
  const count = a.count + b.count;
  const difference = tf.sub(b.mean, a.mean);
  const between = tf.mul(tf.square(difference), a.count * b.count / count);
  return {
    count,
    mean: tf.add(a.mean, tf.mul(difference, b.count / count)),
    deviation: tf.addN([a.deviation, b.deviation, between]),
  };
}

/** The same in tensors that no scope frees. */
function keep({ count, mean, deviation }: Moments): Moments {
  return {
    count,
    mean: tf.keep(tf.clone(mean)),
    deviation: tf.keep(tf.clone(deviation)),
  };
}
