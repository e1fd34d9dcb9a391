/**
 * Predictions of a model, in batches.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { predictInBatches } from "./in_batches.ts";
import type { Module } from "./module.ts";
import { checkModule } from "./module_rule.ts";

/** Options of {@linkcode predictor}. */
export interface PredictorOptions {
  /** How many examples are computed at a time. Default: 256. */
  readonly batchSize?: number;
}

const RULES: OptionRules<PredictorOptions> = {
  batchSize: "a positive integer",
};

/**
 * The function that predicts with `model`, as `model.predict` does, in batches of a
 * size of your choice: the larger, the faster, and the more memory.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const predict = nn.predictor(new nn.Linear(4, 2), { batchSize: 1000 });
 * assertEquals(predict(tf.zeros([2500, 4])).shape, [2500, 2]);
 * ```
 *
 * @typeParam M The class of the model.
 * @param model The model.
 * @param options See {@linkcode PredictorOptions}.
 * @returns A function of what `model.call` takes.
 */
export function predictor<M extends Module>(
  model: M,
  options: PredictorOptions = {},
): (...args: Parameters<M["update"]>) => ReturnType<M["update"]> {
  checkModule("make a predictor", model);
  checkOptions("make a predictor", options, RULES);
  const { batchSize = 256 } = options;
  type Args = Parameters<M["update"]>;
  const call = (...args: Args) => model.call(...args);
  return (...args: Args) => predictInBatches(call, args, batchSize);
}
