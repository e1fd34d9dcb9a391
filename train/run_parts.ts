/**
 * The parts of a run of {@linkcode fit} that its rest depends on.
 *
 * @module
 */
import type { Parts, Resumable } from "../checkpoint.ts";
import type { Batch } from "../data/batch.ts";
import { type BatchSource, isResumable, placeOf } from "../data/sources.ts";
import type { FitOptions } from "./fit_options.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { LateRefusal } from "./late_refusal.ts";
import type { LossScale } from "./loss_scale.ts";
import { partsOf } from "./parts.ts";
import { checkProgress, type ProgressState } from "./progress_state.ts";
import type { Team } from "./team.ts";

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

/** What the loop has, besides its options. */
export interface LoopState<B extends Batch> {
  /** The data. */
  readonly data: BatchSource<B>;
  /** What it counts. */
  readonly counters: Counters;
  /** The log. */
  readonly recorder: Recorder;
  /** The scale of the loss, in mixed precision. */
  readonly lossScale: LossScale | undefined;
  /** The other ranks, if there are any. */
  readonly team: Team | undefined;
}

/** All that the rest of a run depends on, as the parts of a checkpoint. */
export class RunParts<B extends Batch> {
  /** The parts. */
  readonly parts: Parts;
  readonly #loop: LoopState<B>;
  #place: unknown;
  #loaded: ProgressState | undefined;

  /** The parts of a run with these options. */
  constructor(options: FitOptions<B>, loop: LoopState<B>) {
    this.#loop = loop;
    this.#place = placeOf(loop.data);
    const progress: Resumable = {
      stateDict: () => this.#progress(),
      checkStateDict: checkProgress,
      loadStateDict: (state: ProgressState) => {
        checkProgress(state);
        this.#loaded = state;
      },
    };
    const parts = partsOf(options, progress, this.#dataPart());
    this.parts = { ...parts, ...loop.team?.parts };
  }

  /** Note the position in the data, after each batch and pass. */
  notePlace(): void {
    this.#place = placeOf(this.#loop.data);
  }

  /** The position in the data after the last batch. */
  get place(): unknown {
    return this.#place;
  }

  set place(place: unknown) {
    this.#place = place;
  }

  /** Note the position for the case that the step of the last batch is taken back. */
  notePlaceIn(late: LateRefusal | undefined): void {
    const place = this.#place;
    late?.note(() => this.#place = place);
  }

  /** The state of the loop that has been loaded into the parts. */
  get loaded(): ProgressState | undefined {
    return this.#loaded;
  }

  /** Continue where the loop was whose state has been loaded. */
  continue(): void {
    const { counters, data, recorder, lossScale, team } = this.#loop;
    const state = this.#loaded;
    if (!state) return;
    Object.assign(counters, {
      step: state.step,
      epoch: state.epoch,
      skipped: state.skipped ?? 0,
      // Data that cannot be resumed starts its epoch again.
      batch: isResumable(data) ? state.batch : 0,
    });
    recorder.loadStateDict(state);
    if (state.lossScale) lossScale?.loadStateDict(state.lossScale);
    team?.loadStreams(state.streams ?? []);
  }

  #dataPart(): Resumable | undefined {
    const { data } = this.#loop;
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
    const { counters, recorder, lossScale, team } = this.#loop;
    const { steps, evaluations } = recorder.saved;
    // In full precision the scale of an earlier run waits until it is used again.
    const scale = lossScale?.stateDict() ?? this.#loaded?.lossScale;
    return {
      ...counters,
      history: { steps: steps.length, evaluations: evaluations.length },
      ...recorder.stateDict(),
      ...(scale ? { lossScale: scale } : {}),
      ...(team ? { streams: team.streams } : {}),
    };
  }
}
