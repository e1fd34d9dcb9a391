/**
 * The parts of the checkpoints of {@linkcode fit}.
 *
 * @module
 */
import type { Part, Parts, Resumable } from "../checkpoint.ts";
import type { Batch } from "../data/batch.ts";
import * as random from "../random.ts";
import type { FitOptions } from "./fit_options.ts";

/** The names of the parts of a checkpoint that are not names of random states. */
export const PART_NAMES: readonly string[] = [
  "model",
  "optimizer",
  "random",
  "progress",
  "data",
  "average",
  "batch",
  "diloco",
  "ranks",
];

/**
 * The parts of a checkpoint: all that the rest of a run depends on.
 *
 * @param options The options of the run.
 * @param progress The state of the loop.
 * @param data The position in the data, if it can be resumed.
 */
export function partsOf<B extends Batch>(
  options: FitOptions<B>,
  progress: Resumable,
  data: Part | undefined,
): Parts {
  const { model, optimizer, average } = options;
  return {
    model: model ?? optimizer.paramStates,
    optimizer,
    random: random.default,
    progress,
    ...options.random,
    ...(data === undefined ? {} : { data }),
    ...(average ? { average } : {}),
  };
}
