/**
 * The parts of the checkpoints of {@linkcode fit}.
 *
 * @module
 */
import type { Parts, Resumable } from "../checkpoint.ts";
import type { Batch } from "../data/batches.ts";
import * as random from "../random.ts";
import type { FitOptions } from "./fit_options.ts";

/** The parts of a checkpoint: all that the rest of a run depends on. */
export function partsOf<B extends Batch>(
  options: FitOptions<B>,
  progress: Resumable,
): Parts {
  const { model, optimizer, data, average } = options;
  return {
    model: model ?? optimizer.paramStates,
    optimizer,
    random: random.default,
    progress,
    ...options.random,
    ...(isResumable(data) ? { data } : {}),
    ...(average ? { average } : {}),
  };
}

/** Whether `x` can save its state and load it again. */
export function isResumable(x: unknown): x is Resumable {
  return typeof x === "object" && x !== null && "stateDict" in x &&
    "loadStateDict" in x;
}
