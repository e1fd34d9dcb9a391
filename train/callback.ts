/**
 * What looks on while {@linkcode fit} trains, and may stop it.
 *
 * @module
 */
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { EvaluationRecord, RunLog, StepRecord } from "./logs/run_log.ts";

/** The run that is under way, as callbacks see it. */
export interface Run {
  /** All records so far. */
  readonly log: RunLog;
  /** The model, if `fit` was told. */
  readonly model: Module | undefined;
  /** The optimizer. */
  readonly optimizer: Optimizer;
  /** Steps taken. */
  readonly step: number;
  /** Steps to take, where known. */
  readonly totalSteps: number | undefined;
  /** Steps in an epoch, where known. */
  readonly stepsPerEpoch: number | undefined;
  /** Whole epochs done. */
  readonly epoch: number;
  /** Epochs to do, where known. */
  readonly epochs: number | undefined;
  /** End after this step; `reason` is what the result and the log say. */
  stop(reason: string): void;
}

/**
 * Functions called while `fit` trains; all are optional, and all are awaited.
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
  /** Before the first step; after a checkpoint has been loaded. */
  onStart?(run: Run): void | Promise<void>;
  /** After each step. The loss may still be on the device: it is not read. */
  onStep?(run: Run): void | Promise<void>;
  /** After each `logEvery` steps, with what was measured over them. */
  onLog?(run: Run, record: StepRecord): void | Promise<void>;
  /** After each evaluation. */
  onEvaluation?(run: Run, record: EvaluationRecord): void | Promise<void>;
  /** After each epoch. */
  onEpoch?(run: Run): void | Promise<void>;
  /** After a checkpoint has been written. */
  onCheckpoint?(run: Run, path: string): void | Promise<void>;
  /** Last of all, also when training failed: `run.log.end` says how it went. */
  onEnd?(run: Run): void | Promise<void>;
}
