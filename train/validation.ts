/**
 * Evaluation during training.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import {
  type BatchSource,
  isUsedOnce,
  latestTensor,
  passOver,
  shardOf,
  sizeOf,
} from "../data/sources.ts";
import { type Module, refreshStatistics } from "../nn/mod.ts";
import * as random from "../random.ts";
import { BatchState } from "../state.ts";
import { mapNamed } from "../tensors.ts";
import {
  type BatchMetric,
  isBatchMetric,
  metricOf,
  type MetricValue,
  type PredictionMetric,
} from "./batch_metric.ts";
import { checkParts } from "./check_parts.ts";
import {
  type Means,
  meansOver,
  type MeasuresByName,
  type MeasureSums,
  measureSums,
} from "./evaluate.ts";
import type { Measure } from "./measure.ts";
import { evaluationWeights } from "./evaluation_weights.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import type { EvaluationRecord, RunLog } from "./logs/run_log.ts";
import { checkIsNumber } from "./monitor.ts";
import type { Team } from "./team.ts";

/** Measures by name. */
type Values = Readonly<Record<string, number>>;

/** What an evaluation finds. */
type Measured = Pick<EvaluationRecord, "values" | "training" | "matrices">;

/** Measures the validation data of a run, and the sample of its training data. */
export class Validation<B extends Batch> {
  readonly #options: FitOptions<B>;
  readonly #limit: number;
  readonly #sums: MeasureSums<B>;

  /** Measure at most `limit` batches each time. */
  constructor(options: FitOptions<B>, limit: number, onFallback: OnFallback) {
    const { loss, metrics, model, compile = false } = options;
    this.#options = options;
    this.#limit = limit;
    const measures = { loss, ...measured<B>(metrics, model) };
    this.#sums = measureSums(measures, compile ? { onFallback } : undefined);
    for (const name of ["validation", "trainingSample"] as const) {
      const data = options[name];
      if (!data || !isInParts(data)) continue;
      checkParts("fit", name, data, measures, options.world);
    }
  }

  /** Whether there is validation data. */
  get isThere(): boolean {
    return this.#options.validation !== undefined;
  }

  /**
   * Measure with the averaged weights or the point to evaluate, if there are such;
   * `undefined` without validation data.
   *
   * @throws {TypeError} If the monitored measure is a matrix.
   */
  async measure(): Promise<Measured | undefined> {
    const { validation, trainingSample } = this.#options;
    if (!validation) return undefined;
    const weights = evaluationWeights(this.#options);
    weights?.swap();
    try {
      const { values, matrices } = await this.#over(validation);
      this.#checkMonitored(matrices);
      const sample = trainingSample && await this.#over(trainingSample);
      return {
        values,
        ...(sample ? { training: sample.values } : {}),
        ...(Object.keys(matrices).length > 0 ? { matrices } : {}),
      };
    } finally {
      weights?.swap();
    }
  }

  #over(data: BatchSource<B>): Promise<Means> {
    const { world } = this.#options;
    const others = isInParts(data) ? world : undefined;
    return meansOver(data, this.#sums, this.#limit, others);
  }

  #checkMonitored(matrices: Means["matrices"]): void {
    const { monitor, checkpoint } = this.#options;
    if (monitor !== undefined) checkIsNumber("fit", monitor, matrices);
    const best = checkpoint?.best;
    if (typeof best !== "object" || best.monitor === undefined) return;
    checkIsNumber("fit", best.monitor, matrices);
  }

  /**
   * Compute the running statistics of a model with other weights than it was trained
   * with, which are in place, with one pass over the data; then measure again.
   *
   * @param team The other processes, whose statistics count too.
   * @returns The measures; `undefined` if there are no running statistics, the data has
   *   no length, or there is no validation data.
   */
  async measureAveraged(team?: Team): Promise<Values | undefined> {
    const { model, data, loss, validation } = this.#options;
    const hasStatistics = model && evaluationWeights(this.#options) &&
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
    await team?.averageStatistics(model);
    if (!validation || isUsedOnce(validation)) return undefined;
    return (await this.#over(validation)).values;
  }

  /** Free what is recorded of the measures. */
  dispose(): void {
    this.#sums.dispose();
  }
}

/** Whether each process has its part of the data. */
function isInParts(data: BatchSource<Batch>): boolean {
  return (shardOf(data)?.count ?? 1) > 1;
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
      return metric as Measure<B> | BatchMetric<B, MetricValue>;
    }
    if (model) return metricOf(metric as PredictionMetric, model);
    throw new TypeError(
      `Cannot fit: metrics.${name} needs the option model, which predicts what it measures; or give it as train.metric(metric, (...batch) => [predictions, targets])`,
    );
  });
}
