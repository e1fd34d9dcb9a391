/**
 * Evaluation during training.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { isUsedOnce, latestTensor, passOver, sizeOf } from "../data/sources.ts";
import { type Module, refreshStatistics } from "../nn/mod.ts";
import * as random from "../random.ts";
import { BatchState } from "../state.ts";
import { mapNamed } from "../tensors.ts";
import {
  type BatchMetric,
  isBatchMetric,
  metricOf,
  type PredictionMetric,
} from "./batch_metric.ts";
import {
  meansOver,
  type MeasuresByName,
  type MeasureSums,
  measureSums,
} from "./evaluate.ts";
import type { Measure } from "./measure.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import type { RunLog } from "./logs/run_log.ts";

/** Measures by name. */
type Values = Readonly<Record<string, number>>;

/** Measures the validation data of a run. */
export class Validation<B extends Batch> {
  readonly #options: FitOptions<B>;
  readonly #limit: number;
  readonly #sums: MeasureSums<B>;

  /** Measure at most `limit` batches each time. */
  constructor(options: FitOptions<B>, limit: number, onFallback: OnFallback) {
    const { loss, metrics, model, compile = false } = options;
    this.#options = options;
    this.#limit = limit;
    this.#sums = measureSums(
      { loss, ...measured(metrics, model) },
      compile ? { onFallback } : undefined,
    );
  }

  /**
   * Measure with the averaged weights, if there are any; `undefined` without validation
   * data.
   */
  async measure(): Promise<Values | undefined> {
    const { validation, average } = this.#options;
    if (!validation) return undefined;
    average?.swap();
    try {
      return await meansOver(validation, this.#sums, this.#limit);
    } finally {
      average?.swap();
    }
  }

  /**
   * Compute the running statistics of a model with averaged weights, which are in
   * place, with one pass over the data; then measure again.
   *
   * @returns The measures; `undefined` if there are no running statistics, the data has
   *   no length, or there is no validation data.
   */
  async measureAveraged(): Promise<Values | undefined> {
    const { model, average, data, loss, validation } = this.#options;
    const hasStatistics = model && average &&
      Object.keys(model.states(BatchState)).length > 0;
    if (!hasStatistics || sizeOf(data) === undefined) return undefined;
    const named = Object.values(this.#options.random ?? {});
    const streams = [random.default, ...named];
    const keys = streams.map((stream) => stream.value);
    await refreshStatistics<B>(model, passOver("fit", data, latestTensor()), {
      forward: (batch) => loss(...batch),
    });
    // The order of this pass is not a draw of the run.
    streams.forEach((stream, i) => stream.value = keys[i]!);
    if (!validation || isUsedOnce(validation)) return undefined;
    return await meansOver(validation, this.#sums, this.#limit);
  }

  /** Free what is recorded of the measures. */
  dispose(): void {
    this.#sums.dispose();
  }
}

/** The measures of the model after `step` steps, with the training loss. */
export function measuresAt(
  { steps, evaluations }: RunLog,
  step: number,
): Values {
  const evaluation = evaluations.findLast((record) => record.step <= step);
  const training = steps.findLast((record) => record.step <= step);
  return {
    ...(training ? { loss: training.loss } : {}),
    ...evaluation?.values,
    ...(training ? { trainingLoss: training.loss } : {}),
  };
}

/** The metrics of the options of `fit` as measures of batches. */
function measured<B extends Batch>(
  metrics: FitOptions<B>["metrics"] = {},
  model: Module | undefined,
): MeasuresByName<B> {
  return mapNamed(metrics, (metric, name) => {
    if (typeof metric === "function" || isBatchMetric(metric)) {
      return metric as Measure<B> | BatchMetric<B>;
    }
    if (model) return metricOf(metric as PredictionMetric, model);
    throw new TypeError(
      `Cannot fit: metrics.${name} needs the option model, which predicts what it measures; or give it as train.metric(metric, (...batch) => [predictions, targets])`,
    );
  });
}
