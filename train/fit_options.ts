/**
 * What {@linkcode fit} is told, and what it returns.
 *
 * @module
 */
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { RandomState } from "../random.ts";
import type { Batch } from "../data/batches.ts";
import type { Callback } from "./callback.ts";
import type { CheckpointOptions } from "./checkpoints.ts";
import type { BatchSource } from "../data/sources.ts";
import type { Measure } from "./evaluate.ts";
import type { RunConfig, RunLog } from "./logs/run_log.ts";
import type { Schedule } from "./schedules.ts";
import type { WeightAverage } from "./weight_average.ts";

/** Options of {@linkcode fit}. */
export interface FitOptions<B extends Batch> {
  /** With the parameters registered. */
  readonly optimizer: Optimizer;
  /** From a batch to the mean loss over its examples. */
  readonly loss: Measure<B>;
  /** The training data, gone through once for each epoch. */
  readonly data: BatchSource<B>;
  /** Data that is only measured. */
  readonly validation?: BatchSource<B>;
  /** What to measure on the validation data besides the loss. */
  readonly metrics?: Readonly<Record<string, Measure<B>>>;
  /**
   * The model: its states are saved in checkpoints. Without it, only the
   * parameters of the optimizer are.
   */
  readonly model?: Module;

  /** Stop after this many epochs. */
  readonly epochs?: number;
  /** Stop after this many steps. */
  readonly steps?: number;
  /** Stop after this many seconds, those before a resume included. */
  readonly timeLimit?: number;
  /** Stop, with a checkpoint but no last evaluation, when this is aborted. */
  readonly signal?: AbortSignal;

  /** Batches whose gradients make one step, weighted by examples. @default {1} */
  readonly accumulate?: number;
  /** Scale gradients down to this norm, over all of them. */
  readonly clipNorm?: number;
  /** Limit each element of the gradients to [-clipValue, clipValue]. */
  readonly clipValue?: number;
  /**
   * When the schedulers of the optimizer go on; a function decides for each.
   * Those that take a metric always go on after an evaluation, with its
   * `monitor`.
   *
   * @default {"step"}
   */
  readonly schedule?: Schedule;
  /** The measure that schedulers with a metric are given. @default {"loss"} */
  readonly monitor?: string;
  /** Averaged weights, used for evaluation, and left in place at the end. */
  readonly average?: WeightAverage;

  /** Steps between two evaluations. Default: once after each epoch. */
  readonly evaluateEvery?: number;
  /** Steps between two records of the log. @default {10} */
  readonly logEvery?: number;
  /** Looking on, and stopping; see `progressBar`, `jsonLines`, `earlyStopping`. */
  readonly callbacks?: readonly Callback[];
  /**
   * What to do about a loss that is not a finite number: end training, or go on.
   * On cpu and WASM the step is not applied, and is saved; on WebGPU losses are
   * read only every `logEvery` steps.
   *
   * @default {"stop"}
   */
  readonly nan?: "stop" | "ignore";

  /**
   * Where to save the run, and how often. An interrupt (Ctrl+C) then ends training
   * with a checkpoint.
   */
  readonly checkpoint?: CheckpointOptions;
  /** Go on from the newest checkpoint, if there is one. @default {false} */
  readonly resume?: boolean;
  /** Random states that are saved besides `random.default`, by name. */
  readonly random?: Readonly<Record<string, RandomState>>;

  /**
   * A quick run of everything: this many steps (`true` is 1), as many batches of
   * validation, no checkpoint.
   *
   * @default {false}
   */
  readonly fastDevRun?: boolean | number;
  /**
   * Train on the first batches alone, this many, again and again: a model that
   * cannot learn them has a bug.
   */
  readonly overfitBatches?: number;

  /** What the run is called in logs and reports. @default {"run"} */
  readonly name?: string;
  /** What it was started with, for logs and reports. */
  readonly config?: RunConfig;
}

/** How training went. */
export interface FitResult {
  /** Steps taken. */
  readonly step: number;
  /** Whole epochs done. */
  readonly epoch: number;
  /** Why it ended; `"done"` if it did all epochs or steps. */
  readonly reason: string;
  /** All records. */
  readonly log: RunLog;
  /** What the last evaluation measured. */
  readonly values: Readonly<Record<string, number>>;
  /** The step that was not applied because its loss was not finite. */
  readonly failed?: FailedStep;
}

/** A step whose loss was not a finite number. */
export interface FailedStep {
  /** Steps taken before it. */
  readonly step: number;
  /** Its loss. */
  readonly loss: number;
  /** Where the states before it and its last batch are, if they were saved. */
  readonly path?: string;
}

/** Check the options that are numbers, before anything has begun. */
export function checkFitOptions<B extends Batch>(options: FitOptions<B>): void {
  const { epochs, steps, fastDevRun, timeLimit, signal } = options;
  const ends = epochs ?? steps ?? timeLimit ?? signal ?? (fastDevRun || null);
  if (ends === null) {
    throw new RangeError(
      "Cannot fit: something must end it: give epochs, steps, timeLimit or signal",
    );
  }
  const integers = {
    epochs,
    steps,
    accumulate: options.accumulate,
    evaluateEvery: options.evaluateEvery,
    logEvery: options.logEvery,
    overfitBatches: options.overfitBatches,
    fastDevRun: typeof fastDevRun === "number" ? fastDevRun : undefined,
    "checkpoint.every": options.checkpoint?.every,
  };
  for (const [name, value] of Object.entries(integers)) {
    if (value === undefined || Number.isSafeInteger(value) && value > 0) {
      continue;
    }
    throw new RangeError(
      `Cannot fit: ${name} must be a positive integer: current value is ${value}`,
    );
  }
  const { clipNorm, clipValue } = options;
  for (
    const [name, value] of Object.entries({ clipNorm, clipValue, timeLimit })
  ) {
    if (value === undefined || value > 0) continue;
    throw new RangeError(
      `Cannot fit: ${name} must be positive: current value is ${value}`,
    );
  }
  if (options.resume && !options.checkpoint) {
    throw new TypeError(
      "Cannot fit: to resume, checkpoint must say where the checkpoints are",
    );
  }
  if (options.checkpoint?.best && !options.validation) {
    throw new TypeError(
      "Cannot fit: to keep the best checkpoint, there must be validation data",
    );
  }
}

/** The mean of losses; NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
