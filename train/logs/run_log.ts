/**
 * The log of a run, as plain data.
 *
 * @module
 */
import { own } from "../../internal/own.ts";

/** The settings of a run. */
export type RunConfig = Readonly<Record<string, string | number | boolean>>;

/** A record of the steps since the record before. */
export interface StepRecord {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, including the fraction of the current one. */
  readonly epoch: number;
  /** Seconds of training, including those before a resume. */
  readonly time: number;
  /** The mean loss of these steps. */
  readonly loss: number;
  /** The learning rate of the last of these steps. */
  readonly lr: number;
  /** The norm of all gradients in the last of these steps. */
  readonly gradNorm?: number;
  /** Steps per second. */
  readonly rate: number;
}

/** The values of a metric that is a matrix, row by row, such as a confusion matrix. */
export type Matrix = readonly (readonly number[])[];

/** A record of an evaluation. */
export interface EvaluationRecord {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, including the fraction of the current one. */
  readonly epoch: number;
  /** Seconds of training, including those before a resume. */
  readonly time: number;
  /** The mean loss, named `"loss"`, and the metrics. */
  readonly values: Readonly<Record<string, number>>;
  /** The same of the option `trainingSample` of `fit`, if it was given. */
  readonly training?: Readonly<Record<string, number>>;
  /** The metrics that are matrices, if there are any. */
  readonly matrices?: Readonly<Record<string, Matrix>>;
}

/** The record of the end of a run. */
export interface EndRecord {
  /** Steps taken. */
  readonly step: number;
  /** Seconds of training, including those before a resume. */
  readonly time: number;
  /** Why the run ended. */
  readonly reason: string;
}

/** The records of a run. */
export interface RunLog {
  /** The name of the run. */
  readonly name: string;
  /** The settings of the run. */
  readonly config: RunConfig;
  /** The records of steps, oldest first. */
  readonly steps: readonly StepRecord[];
  /** The records of evaluations, oldest first. */
  readonly evaluations: readonly EvaluationRecord[];
  /** The record of the end, once it has ended. */
  readonly end?: EndRecord;
}

/** One line of the log. */
export type LogLine =
  | { readonly type: "run"; readonly name: string; readonly config: RunConfig }
  | { readonly type: "step" } & StepRecord
  | { readonly type: "evaluation" } & EvaluationRecord
  | { readonly type: "end" } & EndRecord;

/** The value of a measure in an evaluation, if it has it. */
export function valueOf(
  { values }: EvaluationRecord,
  name: string,
): number | undefined {
  return own(values, name);
}

/** The value of a measure of the training sample in an evaluation, if it has it. */
export function trainingValueOf(
  { training = {} }: EvaluationRecord,
  name: string,
): number | undefined {
  return own(training, name);
}
