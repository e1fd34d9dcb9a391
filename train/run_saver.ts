/**
 * Saving and resuming the run of {@linkcode fit}.
 *
 * @module
 */
import type { Resumable } from "../checkpoint.ts";
import type { Batch } from "../data/batch.ts";
import { type BatchSource, isResumable, placeOf } from "../data/sources.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { FitOptions } from "./fit_options.ts";
import type { LossScale } from "./loss_scale.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { Measures } from "./monitor.ts";
import { partsOf } from "./parts.ts";
import { checkProgress, type ProgressState } from "./progress_state.ts";

/** What the loop counts. */
export interface Counters {
  /** Steps taken. */
  step: number;
  /** Whole epochs done. */
  epoch: number;
  /** Batches of the current epoch. */
  batch: number;
  /** Steps that were skipped. */
  skipped: number;
}

/** Saves a run with the option `checkpoint` of {@linkcode fit}, and resumes it. */
export class RunSaver<B extends Batch> {
  readonly #data: BatchSource<B>;
  readonly #counters: Counters;
  readonly #recorder: Recorder;
  readonly #checkpoints: Checkpoints;
  readonly #lossScale: LossScale | undefined;
  /** The position in the data after the last batch. */
  #place: unknown;
  /** The state of the loop that a checkpoint had. */
  #loaded: ProgressState | undefined;
  /** The step of the last checkpoint, and of the last one of an evaluated model. */
  #saved = { step: -1, evaluated: -1 };

  /** Save `counters`, the log of `recorder`, the position in `data` and the loss scale. */
  constructor(
    options: FitOptions<B> & Pick<Required<FitOptions<B>>, "checkpoint">,
    data: BatchSource<B>,
    counters: Counters,
    recorder: Recorder,
    measures: Measures,
    lossScale?: LossScale,
  ) {
    this.#data = data;
    this.#counters = counters;
    this.#recorder = recorder;
    this.#lossScale = lossScale;
    this.#place = placeOf(data);
    const progress: Resumable = {
      stateDict: () => this.#progress(),
      checkStateDict: checkProgress,
      loadStateDict: (state: ProgressState) => {
        checkProgress(state);
        this.#loaded = state;
      },
    };
    const parts = partsOf(options, progress, this.#dataPart());
    this.#checkpoints = new Checkpoints(options.checkpoint, parts, measures);
  }

  /** Throw unless the run can be saved. */
  async prepare(resume: boolean): Promise<void> {
    await this.#checkpoints.prepare(resume);
  }

  /** Continue from the newest checkpoint, if there is one. */
  async resume(): Promise<void> {
    const path = await this.#checkpoints.resume();
    const state = this.#loaded;
    if (path === null || !state) return;
    Object.assign(this.#counters, {
      step: state.step,
      epoch: state.epoch,
      skipped: state.skipped ?? 0,
      // Data that cannot be resumed starts its epoch again.
      batch: isResumable(this.#data) ? state.batch : 0,
    });
    this.#saved.step = state.step;
    this.#recorder.loadStateDict(state);
    if (state.lossScale) this.#lossScale?.loadStateDict(state.lossScale);
    const log = await this.#checkpoints.resumeLog(state);
    if (log) this.#recorder.loadLog(log);
    else console.warn(`There is no complete log of the run beside ${path}`);
  }

  /** Note the position in the data, after each batch and pass. */
  notePlace(): void {
    this.#place = placeOf(this.#data);
  }

  /** Save, unless this step has been; returns the file. */
  async save(): Promise<string | undefined> {
    const { step } = this.#counters;
    if (this.#saved.step === step) return undefined;
    await this.#recorder.read();
    const log = this.#recorder.saved;
    const last = log.evaluations.at(-1);
    const evaluation = last?.step === step ? last : undefined;
    const path = await this.#checkpoints.save(step, log, evaluation);
    this.#saved.step = step;
    if (evaluation) this.#saved.evaluated = step;
    return path;
  }

  /** Save after an evaluation, if the best checkpoint is kept. */
  async saveEvaluated(): Promise<string | undefined> {
    if (!this.#checkpoints.keepsBest) return undefined;
    // The same step may have been saved before it was evaluated.
    if (this.#saved.evaluated !== this.#counters.step) this.#saved.step = -1;
    return await this.save();
  }

  /** Save the states and the last batch of a step that failed. */
  async saveFailed(batch: Batch): Promise<string> {
    return await this.#checkpoints.saveFailed(this.#counters.step, batch);
  }

  /** Load the best model, with `restoreBest`; returns its step. */
  async restoreBest(): Promise<number | undefined> {
    return await this.#checkpoints.restoreBest();
  }

  #dataPart(): Resumable | undefined {
    const data = this.#data;
    if (!isResumable(data)) return undefined;
    return {
      // Not the current one: validation may iterate over the same data.
      stateDict: () => this.#place,
      loadStateDict: (place) => {
        data.loadStateDict(place);
        this.#place = placeOf(data);
      },
    };
  }

  #progress(): ProgressState {
    const { steps, evaluations } = this.#recorder.saved;
    return {
      ...this.#counters,
      history: { steps: steps.length, evaluations: evaluations.length },
      ...this.#recorder.stateDict(),
      ...(this.#lossScale ? { lossScale: this.#lossScale.stateDict() } : {}),
    };
  }
}
