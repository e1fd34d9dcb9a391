/**
 * The run that callbacks of {@linkcode fit} see.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { type BatchSource, sizeOf } from "../data/sources.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { Run } from "./callback.ts";
import type { FitOptions, FitResult } from "./fit_options.ts";
import type { LateRefusal } from "./late_refusal.ts";
import { type ScheduleUnit, stepSchedulers } from "./schedules.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { RunLog } from "./logs/run_log.ts";
import { type Measures, measuresOf } from "./monitor.ts";
import type { Counters } from "./run_parts.ts";
import type { Vote } from "./team.ts";
import { type Totals, totalsOf } from "./totals.ts";

/** After this many skipped steps in a row training stops. */
const MAX_SKIPPED = 100;

/** What a run counts, logs and has been told to do. */
export class TrainingRun<B extends Batch> implements Run {
  readonly measures: Measures;
  readonly optimizer: Optimizer;
  readonly model: Module | undefined;
  /** What the loop counts. */
  readonly counters: Counters = { step: 0, epoch: 0, batch: 0, skipped: 0 };
  /** How long the run is. */
  readonly totals: Totals;
  readonly #options: FitOptions<B>;
  readonly #data: BatchSource<B>;
  readonly #steps: number;
  readonly #recorder: Recorder;
  #reason: string | undefined;
  #paused = false;
  #skippedInARow = 0;

  /** Begin a run on `data`, logged by `recorder`. */
  constructor(
    options: FitOptions<B>,
    data: BatchSource<B>,
    recorder: Recorder,
  ) {
    this.#options = options;
    this.#data = data;
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

  /** Steps and epochs done, including the fraction of the current one. */
  get position(): { readonly step: number; readonly epoch: number } {
    const length = sizeOf(this.#data);
    const part = length ? this.counters.batch / length : 0;
    return { step: this.step, epoch: this.epoch + part };
  }

  get log(): RunLog {
    return this.#recorder.log;
  }

  /** What the result of an ended run has of it. */
  get summary(): Pick<
    FitResult,
    "step" | "epoch" | "reason" | "skipped" | "log"
  > {
    const { step, epoch, skipped, log } = this;
    return { step, epoch, reason: log.end!.reason, skipped, log };
  }

  get epochLoss(): number | undefined {
    return this.#recorder.epochLoss;
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

  /** Count a step that was taken; `late` notes what may have to be taken back. */
  count(late: LateRefusal | undefined): void {
    const skipped = this.#skippedInARow;
    late?.note(() => this.#skippedInARow = skipped);
    this.#skippedInARow = 0;
    late?.noteCounts(this.counters);
    this.counters.step++;
    this.stepSchedulers("step");
    const update = () => this.#options.average?.update();
    if (late) late.run(update);
    else update();
  }

  /** Count a step that was skipped since such values of it are not finite. */
  skip(what: "losses" | "gradients"): void {
    this.counters.skipped++;
    if (++this.#skippedInARow < MAX_SKIPPED) return;
    this.stop(`the ${what} of ${MAX_SKIPPED} steps in a row are not finite`);
  }

  /** Step the schedulers of `unit`, which has ended. */
  stepSchedulers(unit: ScheduleUnit, metric?: number): void {
    const { schedule = "step" } = this.#options;
    stepSchedulers(this.optimizer, schedule, unit, metric);
  }

  /** Stop if training has taken the time that it may, or if the signal is aborted. */
  checkLimits(now: number): void {
    const { timeLimit = Infinity, signal } = this.#options;
    if (now >= timeLimit) this.stop("time limit");
    if (signal?.aborted) this.pause("aborted");
  }

  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Stop because of a step before any that asked to stop. */
  fail(reason: string): void {
    this.#reason = reason;
    this.#paused = false;
  }

  /** What this process would do. */
  get vote(): Vote {
    return { reason: this.#reason, isPaused: this.#paused };
  }

  /** Do as all processes that train together do. */
  follow({ reason, isPaused }: Vote): void {
    this.#reason = reason;
    this.#paused = isPaused;
  }

  /** Stop without a final evaluation, so that a resumed run ends the same way. */
  pause(reason: string): void {
    this.#paused ||= this.#reason === undefined;
    this.stop(reason);
  }
}
