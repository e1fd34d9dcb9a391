/**
 * The run that callbacks of {@linkcode fit} see.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import type { BatchSource } from "../data/sources.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { Run } from "./callback.ts";
import type { FitOptions } from "./fit_options.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { RunLog } from "./logs/run_log.ts";
import { type Measures, measuresOf } from "./monitor.ts";
import type { Counters } from "./run_saver.ts";
import { type Totals, totalsOf } from "./totals.ts";

/** What a run counts, logs and has been told to do. */
export class TrainingRun<B extends Batch> implements Run {
  readonly measures: Measures;
  readonly optimizer: Optimizer;
  readonly model: Module | undefined;
  /** What the loop counts. */
  readonly counters: Counters = { step: 0, epoch: 0, batch: 0, skipped: 0 };
  /** How long the run is. */
  readonly totals: Totals;
  readonly #steps: number;
  readonly #recorder: Recorder;
  #reason: string | undefined;
  #paused = false;

  /** Begin a run on `data`, logged by `recorder`. */
  constructor(
    options: FitOptions<B>,
    data: BatchSource<B>,
    recorder: Recorder,
  ) {
    this.measures = measuresOf(options);
    this.optimizer = options.optimizer;
    this.model = options.model;
    this.totals = totalsOf(options, data);
    this.#steps = Math.min(options.steps ?? Infinity, this.totals.limit);
    this.#recorder = recorder;
  }

  get step(): number {
    return this.counters.step;
  }

  get epoch(): number {
    return this.counters.epoch;
  }

  get skipped(): number {
    return this.counters.skipped;
  }

  get epochs(): number | undefined {
    return this.totals.epochs;
  }

  get stepsPerEpoch(): number | undefined {
    return this.totals.stepsPerEpoch;
  }

  get totalSteps(): number | undefined {
    return this.totals.totalSteps;
  }

  get log(): RunLog {
    return this.#recorder.log;
  }

  async loss(): Promise<number | undefined> {
    return await this.#recorder.recentLoss();
  }

  /** Why the run was stopped, if it was. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Whether the run was stopped to be resumed. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** Whether training has ended. */
  get isOver(): boolean {
    return this.#reason !== undefined || this.step >= this.#steps ||
      this.epoch >= (this.epochs ?? Infinity);
  }

  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Stop without a final evaluation, so that a resumed run ends the same way. */
  pause(reason: string): void {
    this.#paused ||= this.#reason === undefined;
    this.stop(reason);
  }
}
