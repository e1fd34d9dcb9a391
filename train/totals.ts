/**
 * How long a run of {@linkcode fit} is.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { type BatchSource, sizeOf } from "../data/sources.ts";
import type { FitOptions } from "./fit_options.ts";

/** The totals of a run, as far as they are known. */
export interface Totals {
  /** Epochs to do. */
  readonly epochs: number | undefined;
  /** Steps in an epoch. */
  readonly stepsPerEpoch: number | undefined;
  /** Steps to take. */
  readonly totalSteps: number | undefined;
  /** The largest number of steps and of validation batches of a quick run. */
  readonly limit: number;
}

/** The totals of a run on `data`. */
export function totalsOf<B extends Batch>(
  options: FitOptions<B>,
  data: BatchSource<B>,
): Totals {
  const { epochs, fastDevRun = false, accumulate = 1 } = options;
  const limit = Number(fastDevRun) || Infinity; // `true` is 1
  const length = sizeOf(data);
  const stepsPerEpoch = length && Math.ceil(length / accumulate);
  const steps = Math.min(
    limit,
    options.steps ?? Infinity,
    (epochs ?? Infinity) * (stepsPerEpoch ?? Infinity),
  );
  const totalSteps = Number.isFinite(steps) ? steps : undefined;
  return { epochs, stepsPerEpoch, totalSteps, limit };
}
