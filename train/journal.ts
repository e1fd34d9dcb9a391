/**
 * What a run logs, and tells its callbacks.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Clock } from "./clock.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { Team } from "./team.ts";
import type { TrainingRun } from "./training_run.ts";
import type { Validation } from "./validation.ts";

/** What a journal is about. */
export interface Journaled<B extends Batch> {
  /** The run. */
  readonly run: TrainingRun<B>;
  /** Its log. */
  readonly recorder: Recorder;
  /** Its time. */
  readonly clock: Clock;
  /** Who is told. */
  readonly callbacks: Callbacks;
  /** What measures the model. */
  readonly validation: Validation<B>;
  /** The other processes, if there are any. */
  readonly team: Team | undefined;
  /** The measure for schedulers. */
  readonly monitor: string | undefined;
}

/** Logs steps and evaluations, and tells the callbacks. */
export class Journal<B extends Batch> {
  /** The learning rate of the last step. */
  lr = 0;
  readonly #of: Journaled<B>;

  /** The journal of a run. */
  constructor(of: Journaled<B>) {
    this.#of = of;
  }

  /** Note the learning rate as it is now. */
  readRate(): void {
    this.lr = this.#of.run.optimizer.getLastLr()[0] ?? 0;
  }

  /** Log the last steps, if they are fewer than `logEvery`. */
  async recordRest(): Promise<void> {
    if (this.#of.recorder.hasRest) await this.record(true);
  }

  /** Log the steps since the last record; `isRest` if they are fewer than `logEvery`. */
  async record(isRest: boolean): Promise<void> {
    const { recorder, run, callbacks } = this.#of;
    const record = await recorder.logSteps(run.position, this.lr, isRest);
    await callbacks.call((callback) => callback.onLog?.(run, record));
  }

  /** Measure the validation data, if there is any. */
  async evaluate(): Promise<void> {
    const { clock, recorder, run, callbacks, validation, team } = this.#of;
    if (!validation.isThere) return;
    const began = clock.now;
    await team?.settle(run.model);
    const measured = await validation.measure();
    if (!measured) return;
    const record = recorder.logEvaluation(run.position, measured);
    const monitored = record.values[this.#of.monitor ?? "loss"];
    run.stepSchedulers("evaluation", monitored);
    await callbacks.call((callback) => callback.onEvaluation?.(run, record));
    recorder.exclude(clock.now - began);
  }
}
