/**
 * Callbacks of {@linkcode fit}.
 *
 * @module
 */
import { hint } from "../internal/check.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { Measures } from "./monitor.ts";
import type { EvaluationRecord, RunLog, StepRecord } from "./logs/run_log.ts";

/** A run of {@linkcode fit}, as callbacks see it. */
export interface Run {
  /** The records so far. */
  readonly log: RunLog;
  /** The model, if it was given to `fit`. */
  readonly model: Module | undefined;
  /** The optimizer. */
  readonly optimizer: Optimizer;
  /** Steps taken. */
  readonly step: number;
  /** The total number of steps, if known. */
  readonly totalSteps: number | undefined;
  /** Steps in an epoch, if known. */
  readonly stepsPerEpoch: number | undefined;
  /** Epochs finished. */
  readonly epoch: number;
  /** The total number of epochs, if known. */
  readonly epochs: number | undefined;
  /** Steps that were skipped since their loss was not finite. */
  readonly skipped: number;
  /**
   * The mean loss of the steps since the last record of the log, or else that of the
   * last record. It is read from the device.
   */
  loss(): Promise<number | undefined>;
  /** The mean loss over the steps of the last epoch that has ended, once one has. */
  readonly epochLoss: number | undefined;
  /** The measures of the validation data, with their modes if known. */
  readonly measures: Measures;
  /** Stop after this step; `reason` goes into the result and the log. */
  stop(reason: string): void;
}

/**
 * Functions that `fit` calls and awaits; all are optional.
 *
 * @example Stop at a goal
 * ```ts
 * import type { Callback } from "@braintape/braintape/train";
 *
 * const goal: Callback = {
 *   onEvaluation(run, { values }) {
 *     if (values.accuracy! > 0.99) run.stop("accuracy above 0.99");
 *   },
 * };
 * ```
 */
export interface Callback {
  /** Throw if this run does not fit the callback; called before anything changes. */
  check?(run: Run): void;
  /** Called before the first step, after a checkpoint has been loaded. */
  onStart?(run: Run): void | Promise<void>;
  /**
   * Called after each step. Its loss has not been read from the device. In mixed precision
   * it is read in each step whether it counts, which is slower: only those that do are told.
   */
  onStep?(run: Run): void | Promise<void>;
  /** Called every `logEvery` steps and at the end, with a record of these steps. */
  onLog?(run: Run, record: StepRecord): void | Promise<void>;
  /** Called after each evaluation. */
  onEvaluation?(run: Run, record: EvaluationRecord): void | Promise<void>;
  /** Called after each epoch and its evaluation. */
  onEpoch?(run: Run): void | Promise<void>;
  /** Called after a checkpoint has been written. */
  onCheckpoint?(run: Run, path: string): void | Promise<void>;
  /** Called last, also if training has thrown; `run.log.end` has the reason. */
  onEnd?(run: Run): void | Promise<void>;
}

const NAMES: Readonly<Record<keyof Callback, true>> = {
  check: true,
  onStart: true,
  onStep: true,
  onLog: true,
  onEvaluation: true,
  onEpoch: true,
  onCheckpoint: true,
  onEnd: true,
};

/** Throw for a callback with a misspelled function, such as `onEpochEnd`. */
export function checkCallback(action: string, callback: object): void {
  const names = Object.keys(NAMES);
  for (const name in callback) {
    if (!/^on[A-Z]/.test(name) || Object.hasOwn(NAMES, name)) continue;
    throw new TypeError(
      `Cannot ${action}: callbacks have no function "${name}": ${
        hint(name, names)
      }`,
    );
  }
}

/** Tell all callbacks that a run has ended: one that throws keeps it from none. */
export async function endAll(
  callbacks: readonly Callback[],
  run: Run,
): Promise<void> {
  const errors: unknown[] = [];
  for (const callback of callbacks) {
    try {
      await callback.onEnd?.(run);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
