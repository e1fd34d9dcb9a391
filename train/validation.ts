/**
 * Evaluation during training.
 *
 * @module
 */
import type { Batch } from "../data/batches.ts";
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
