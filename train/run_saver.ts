/**
 * Saving and resuming the run of {@linkcode fit}.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { FitOptions } from "./fit_options.ts";
import { formatRunLog, parseRunLog } from "./logs/log_lines.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { Measures } from "./monitor.ts";
import type { Counters, RunParts } from "./run_parts.ts";
import { onFirst, type Team } from "./team.ts";

/** What a run is saved from. */
export interface SavedRun<B extends Batch> {
  /** All that its rest depends on. */
  readonly run: RunParts<B>;
  /** What the loop counts. */
  readonly counters: Counters;
  /** Its log. */
  readonly recorder: Recorder;
  /** Its measures. */
  readonly measures: Measures;
  /** The other ranks, if there are any: the first one reads and writes files. */
  readonly team: Team | undefined;
}

/** Saves a run with the option `checkpoint` of {@linkcode fit}, and resumes it. */
export class RunSaver<B extends Batch> {
  readonly #saved: SavedRun<B>;
  readonly #checkpoints: Checkpoints;
  /** The step of the last checkpoint, and of the last one of an evaluated model. */
  #last = { step: -1, evaluated: -1 };

  /** Save a run as `options` say. */
  constructor(
    options: FitOptions<B> & Pick<Required<FitOptions<B>>, "checkpoint">,
    saved: SavedRun<B>,
  ) {
    this.#saved = saved;
    const { run: { parts }, measures } = saved;
    this.#checkpoints = new Checkpoints(options.checkpoint, parts, measures);
  }

  /** Throw unless the run can be saved. */
  async prepare(resume: boolean): Promise<void> {
    await onFirst(this.#saved.team, () => this.#checkpoints.prepare(resume));
  }

  /** Load the newest checkpoint on the first rank, if there is one; returns its path. */
  async load(): Promise<string | null> {
    const { run, team } = this.#saved;
    return await onFirst(team, async () => {
      const path = await this.#checkpoints.resume();
      if (path !== null) run.continue();
      return path;
    });
  }

  /** Continue the log of the checkpoint that was loaded from `path`. */
  async continue(path: string): Promise<void> {
    const { run, recorder, team } = this.#saved;
    if (team && !team.isFirst) run.continue();
    const state = run.loaded!;
    this.#last.step = state.step;
    const text = await onFirst(team, async () => {
      const log = await this.#checkpoints.resumeLog(state);
      return log && formatRunLog(log);
    });
    if (text !== null) recorder.loadLog(parseRunLog(text));
    else console.warn(`There is no complete log of the run beside ${path}`);
  }

  /** Save, unless this step has been; returns the file. */
  async save(): Promise<string | undefined> {
    const { counters: { step }, recorder, team } = this.#saved;
    if (this.#last.step === step) return undefined;
    await recorder.read();
    await team?.gather();
    const log = recorder.saved;
    const last = log.evaluations.at(-1);
    const evaluation = last?.step === step ? last : undefined;
    const path = await onFirst(
      this.#saved.team,
      () => this.#checkpoints.save(step, log, evaluation),
    );
    this.#last.step = step;
    if (evaluation) this.#last.evaluated = step;
    return path;
  }

  /** Save after an evaluation, if the best checkpoint is kept. */
  async saveEvaluated(): Promise<string | undefined> {
    if (!this.#checkpoints.keepsBest) return undefined;
    // The same step may have been saved before it was evaluated.
    if (this.#last.evaluated !== this.#saved.counters.step) {
      this.#last.step = -1;
    }
    return await this.save();
  }

  /** Save the states and the last batch of a step that failed. */
  async saveFailed(batch: Batch): Promise<string> {
    const { counters: { step }, team } = this.#saved;
    await team?.gather();
    return await onFirst(
      team,
      () => this.#checkpoints.saveFailed(step, batch),
    );
  }

  /** Load the best model, with `restoreBest`; returns its step. */
  async restoreBest(): Promise<number | undefined> {
    const step = await onFirst(
      this.#saved.team,
      () => this.#checkpoints.restoreBest(),
    );
    if (step === undefined) return undefined;
    await this.#saved.team?.begin(this.#checkpoints.restored);
    return step;
  }
}
