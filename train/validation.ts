/**
 * Evaluation during training.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { isUsedOnce, latestTensor, passOver, sizeOf } from "../data/sources.ts";
import { refreshStatistics } from "../nn/mod.ts";
import * as random from "../random.ts";
import { BatchState } from "../state.ts";
import { evaluate } from "./evaluate.ts";
import type { FitOptions } from "./fit_options.ts";
import type { RunLog } from "./logs/run_log.ts";

/** Measures by name. */
type Values = Readonly<Record<string, number>>;

/**
 * Measure the validation data, with the averaged weights if there are any.
 *
 * @param options The options of the run.
 * @param limit The largest number of batches.
 * @returns The measures; `undefined` without validation data.
 */
export async function validate<B extends Batch>(
  options: FitOptions<B>,
  limit: number,
): Promise<Values | undefined> {
  const { validation, loss, metrics, average } = options;
  if (!validation) return undefined;
  average?.swap();
  try {
    return await evaluate(validation, { loss, ...metrics }, { limit });
  } finally {
    average?.swap();
  }
}

/**
 * Compute the running statistics of a model with averaged weights, which are in
 * place, with one pass over the data; then measure the validation data again.
 *
 * @param options The options of the run.
 * @param limit The largest number of batches.
 * @returns The measures; `undefined` if there are no running statistics, the data has
 *   no length, or there is no validation data.
 */
export async function refreshAveraged<B extends Batch>(
  options: FitOptions<B>,
  limit: number,
): Promise<Values | undefined> {
  const { model, average, data, loss, validation, metrics } = options;
  const hasStatistics = model && average &&
    Object.keys(model.states(BatchState)).length > 0;
  if (!hasStatistics || sizeOf(data) === undefined) return undefined;
  const streams = [random.default, ...Object.values(options.random ?? {})];
  const keys = streams.map((stream) => stream.value);
  await refreshStatistics<B>(model, passOver("fit", data, latestTensor()), {
    forward: (batch) => loss(...batch),
  });
  // The order of this pass is not a draw of the run.
  streams.forEach((stream, i) => stream.value = keys[i]!);
  if (!validation || isUsedOnce(validation)) return undefined;
  return await evaluate(validation, { loss, ...metrics }, { limit });
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
