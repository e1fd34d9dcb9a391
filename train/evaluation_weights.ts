/**
 * The weights that are evaluated and kept, where they are not those that are trained.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { AveragingOptimizer, type Optimizer } from "../optim/mod.ts";
import type { FitOptions } from "./fit_options.ts";

/** Exchanges the weights to train and those to evaluate. */
export interface Swap {
  /** Put the others in place. */
  swap(): void;
}

/** `optimizer`, if it has a point to evaluate other than the one it trains at. */
export function averaging(
  optimizer: Optimizer,
): AveragingOptimizer<object> | undefined {
  const given: unknown = optimizer;
  return given instanceof AveragingOptimizer ? given : undefined;
}

/** What exchanges the weights in a run, if anything does. */
export function evaluationWeights<B extends Batch>(
  { average, optimizer }: Pick<FitOptions<B>, "average" | "optimizer">,
): Swap | undefined {
  return average ?? averaging(optimizer);
}
