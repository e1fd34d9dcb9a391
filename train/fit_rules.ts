/**
 * Checks of the options of {@linkcode fit}.
 *
 * @module
 */
import {
  anything,
  boolean,
  callable,
  checkOptions,
  either,
  instanceOf,
  iterable,
  listOf,
  oneOf,
  type OptionRules,
  path,
  recordOf,
  refuse,
  rule,
  string,
} from "../check.ts";
import type { Batch } from "../data/batches.ts";
import { Module } from "../nn/mod.ts";
import { Optimizer } from "../optim/mod.ts";
import { RandomState } from "../random.ts";
import type { CheckpointOptions } from "./checkpoints.ts";
import { type Monitor, MONITOR_RULES } from "./early_stopping.ts";
import type { FitOptions } from "./fit_options.ts";
import { WeightAverage } from "./weight_average.ts";

/** The rules of {@linkcode FitOptions}. */
export const FIT_RULES: OptionRules<FitOptions<Batch>> = {
  optimizer: instanceOf(Optimizer, "an Optimizer"),
  loss: callable,
  data: iterable,
  model: instanceOf(Module, "a Module"),
  validation: iterable,
  metrics: recordOf(callable),
  epochs: "a positive integer",
  steps: "a positive integer",
  timeLimit: "a positive number",
  signal: instanceOf(AbortSignal, "an AbortSignal"),
  accumulate: "a positive integer",
  gradClipNorm: "a positive number",
  gradClipValue: "a positive number",
  schedule: either(callable, oneOf("step", "epoch", "evaluation", "never")),
  monitor: string,
  average: instanceOf(WeightAverage, "a WeightAverage"),
  evaluateEvery: "a positive integer",
  logEvery: "a positive integer",
  callbacks: listOf(
    rule("an object of functions", (x) => typeof x === "object" && x !== null),
  ),
  nan: oneOf("stop", "ignore"),
  checkpoint: anything,
  resume: boolean,
  random: recordOf(instanceOf(RandomState, "a RandomState")),
  fastDevRun: either(boolean, "a positive integer"),
  overfitBatches: "a positive integer",
  name: string,
  config: recordOf(
    rule(
      "a string, a number or a boolean",
      (x) => ["string", "number", "boolean"].includes(typeof x),
    ),
  ),
};

const CHECKPOINT_RULES: OptionRules<CheckpointOptions> = {
  folder: path,
  every: "a positive integer",
  keepLast: "a positive integer",
  best: anything,
  restoreBest: boolean,
};

/** Throw unless `options` are ones that `fit` can train with. */
export function checkFitOptions<B extends Batch>(options: FitOptions<B>): void {
  checkOptions("fit", options as FitOptions<never>, FIT_RULES as never);
  const { checkpoint, validation } = options;
  for (const name of ["optimizer", "loss", "data"] as const) {
    if (options[name] === undefined) refuse("fit", name, "given", undefined);
  }
  const { epochs, steps, fastDevRun, timeLimit, signal } = options;
  const ends = epochs ?? steps ?? timeLimit ?? signal ?? (fastDevRun || null);
  if (ends === null) {
    throw new RangeError(
      "Cannot fit: something must end it: give epochs, steps, timeLimit or signal",
    );
  }
  if (checkpoint) checkCheckpoint(checkpoint);
  if (options.resume && !checkpoint) {
    throw new TypeError(
      "Cannot fit: to resume, checkpoint must say where the checkpoints are",
    );
  }
  if (checkpoint?.best && !validation) {
    throw new TypeError(
      "Cannot fit: to keep the best checkpoint, there must be validation data",
    );
  }
}

function checkCheckpoint(checkpoint: CheckpointOptions): void {
  checkOptions("fit", checkpoint, CHECKPOINT_RULES, "checkpoint.");
  const { folder, best } = checkpoint;
  if (folder === undefined) {
    refuse("fit", "checkpoint.folder", "given", folder, TypeError);
  }
  if (best === undefined || typeof best === "boolean") return;
  checkOptions<Monitor>("fit", best, MONITOR_RULES, "checkpoint.best.");
}
