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
} from "../internal/check.ts";
import { currentPrecision } from "../backend/precision.ts";
import type { Batch } from "../data/batch.ts";
import { isUsedOnce } from "../data/sources.ts";
import { worldRule } from "../distributed/world_rule.ts";
import { Module } from "../nn/mod.ts";
import { Optimizer } from "../optim/mod.ts";
import { RandomState } from "../random.ts";
import { checkCallback } from "./callback.ts";
import type { CheckpointOptions } from "./checkpoints.ts";
import { MEASURES } from "./evaluate.ts";
import { averaging } from "./evaluation_weights.ts";
import type { FitOptions } from "./fit_options.ts";
import {
  checkMeasure,
  type Measures,
  measuresOf,
  type Monitor,
  MONITOR_RULES,
} from "./monitor.ts";
import { PART_NAMES } from "./parts.ts";
import { unitOf } from "./schedules.ts";
import { evaluatesAgain } from "./stepping.ts";
import { hasLineSearch } from "./part_stepper.ts";
import { checkTakesGradients } from "./takes_gradients.ts";
import { WeightAverage } from "./weight_average.ts";
import { checkWorld } from "./world_rules.ts";

const source = rule(
  "iterable, as batches are that data.batches makes, or a function that returns such",
  (x) => callable(x) === undefined || iterable(x) === undefined,
);

/** The rules of {@linkcode FitOptions}. */
export const FIT_RULES: OptionRules<FitOptions<Batch>> = {
  optimizer: instanceOf(Optimizer, "an Optimizer"),
  loss: callable,
  data: source,
  model: instanceOf(Module, "a Module"),
  validation: source,
  metrics: MEASURES,
  trainingSample: source,
  world: worldRule,
  shardOptimizer: boolean,
  diloco: anything,
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
  nan: oneOf("stop", "skip", "ignore"),
  checkpoint: anything,
  resume: boolean,
  random: recordOf(instanceOf(RandomState, "a RandomState")),
  compile: boolean,
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
  checkTakesGradients("fit", options.optimizer);
  if (Object.keys(options.optimizer.paramStates).length === 0) {
    throw new TypeError(
      "Cannot fit: the optimizer must have parameters: give them with registerTrainableWeights(model.states(ParamState)); a model has those that are in ParamStates",
    );
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
  if (options.trainingSample !== undefined && !validation) {
    throw new TypeError(
      "Cannot fit: trainingSample is measured together with the validation data: give the option validation",
    );
  }
  for (const name of ["evaluateEvery", "monitor"] as const) {
    if (options[name] === undefined || validation) continue;
    throw new TypeError(
      `Cannot fit: ${name} is of the validation data: give the option validation, or leave it out: current value is ${
        options[name]
      }`,
    );
  }
  for (const name of Object.keys(options.random ?? {})) {
    if (!PART_NAMES.includes(name)) continue;
    const rule = `other than ${PART_NAMES.join(", ")}, which are saved already`;
    refuse("fit", "each name in random", rule, name);
  }
  const { optimizer } = options;
  if (hasLineSearch(optimizer) || evaluatesAgain(optimizer)) {
    const what = hasLineSearch(optimizer)
      ? "a line search"
      : optimizer.constructor.name;
    const precision = currentPrecision();
    if (precision !== "full") {
      const rule = `"full" with ${what}`;
      refuse("fit", "the precision of useBackend", rule, precision);
    }
    for (
      const name of ["accumulate", "gradClipNorm", "gradClipValue"] as const
    ) {
      if (options[name] === undefined) continue;
      if (name === "accumulate" && options[name] === 1) continue;
      throw new TypeError(
        `Cannot fit: ${name} must be left out with ${what}: current value is ${
          options[name]
        }`,
      );
    }
  }
  if (options.average && averaging(options.optimizer)) {
    throw new TypeError(
      `Cannot fit: average must be left out with ${options.optimizer.constructor.name}, which averages the weights itself`,
    );
  }
  for (const callback of options.callbacks ?? []) {
    checkCallback("fit", callback);
  }
  checkMeasures(options, measuresOf(options));
  checkSources(options);
  checkWorld(options);
}

/** Throw if a monitored measure would never be there. */
function checkMeasures<B extends Batch>(
  options: FitOptions<B>,
  measures: Measures,
): void {
  const { optimizer, metrics = {}, monitor, schedule = "step" } = options;
  if (Object.hasOwn(metrics, "loss")) {
    throw new RangeError(
      'Cannot fit: no metric must be named "loss", which is the validation loss',
    );
  }
  const plateau = optimizer.schedulers.find((scheduler) =>
    scheduler.takesMetric && unitOf(scheduler, schedule) !== "never"
  );
  if (plateau && measures.size === 0) {
    throw new TypeError(
      `Cannot fit: ${plateau.constructor.name} takes a metric, so there must be validation data`,
    );
  }
  if (measures.size > 0) {
    checkMeasure("fit", "monitor", monitor ?? "loss", measures);
  }
}

/** Throw if a generator would be iterated over twice. */
function checkSources<B extends Batch>(options: FitOptions<B>): void {
  const { data, validation, trainingSample, epochs, evaluateEvery } = options;
  const passes = options.fastDevRun || options.overfitBatches ? 1 : epochs ?? 1;
  const evaluations = evaluateEvery === undefined ? epochs ?? 2 : 2;
  for (
    const [name, source, count] of [
      ["data", data, passes],
      ["validation", validation, evaluations],
      ["trainingSample", trainingSample, evaluations],
    ] as const
  ) {
    if (source === undefined || count === 1 || !isUsedOnce(source)) continue;
    throw new TypeError(
      `Cannot fit: ${name} must be iterable more than once: it is a generator, which is used up after one pass: pass a function that returns a new one`,
    );
  }
}

function checkCheckpoint(checkpoint: CheckpointOptions): void {
  checkOptions("fit", checkpoint, CHECKPOINT_RULES, "checkpoint.");
  const { folder, best } = checkpoint;
  if (folder === undefined) {
    refuse("fit", "checkpoint.folder", "given", folder, TypeError);
  }
  if (checkpoint.restoreBest && !best) {
    throw new TypeError(
      "Cannot fit: checkpoint.restoreBest needs checkpoint.best, which says what is best: true, or a measure",
    );
  }
  if (best === undefined || typeof best === "boolean") return;
  checkOptions<Monitor>("fit", best, MONITOR_RULES, "checkpoint.best.");
}
