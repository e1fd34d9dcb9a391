/**
 * The checkpoints of a run: writing, keeping, and loading them.
 *
 * @module
 */
import {
  bestCheckpoint,
  latestCheckpoint,
  loadCheckpoint,
  type Parts,
  type Resumable,
  saveCheckpoint,
} from "../checkpoint.ts";
import { probeSave } from "../checkpoint/save_load.ts";
import type { Batch } from "../data/batch.ts";
import { filePath, join } from "../internal/file_path.ts";
import { AveragingOptimizer } from "../optim/mod.ts";
import type { Mode } from "./measure.ts";
import { History } from "./history.ts";
import { parseRunLog } from "./logs/log_lines.ts";
import type { EvaluationRecord, RunLog } from "./logs/run_log.ts";
import { type Measures, type Monitor, resolveMonitor } from "./monitor.ts";
import type { ProgressState } from "./progress_state.ts";

/** The option `checkpoint` of {@linkcode fit}. */
export interface CheckpointOptions {
  /**
   * The folder of the checkpoints, a path or a `file:` URL; created if missing. It
   * has the checkpoints and the log of one run.
   */
  readonly folder: string | URL;
  /** Steps between two checkpoints. Default: one after each epoch. */
  readonly every?: number;
  /** The number of newest checkpoints to keep. @default {2} */
  readonly keepLast?: number;
  /**
   * Save after each evaluation, and also keep the best checkpoint, by the
   * validation loss (`true`) or another measure. A value that is not finite is
   * never the best.
   */
  readonly best?: Monitor | boolean;
  /** Whether to load the best model when training ends. @default {false} */
  readonly restoreBest?: boolean;
}

/** Writes and reads the checkpoints of one run. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #parts: Parts;
  readonly #folder: string;
  readonly #history: History;
  /** The measure of the best checkpoint. */
  readonly #best: { readonly name: string; readonly mode: Mode } | undefined;

  /** Write checkpoints of `parts`. */
  constructor(options: CheckpointOptions, parts: Parts, measures: Measures) {
    this.#options = options;
    this.#parts = parts;
    this.#folder = filePath("fit", options.folder, "checkpoint.folder");
    this.#history = new History(this.#folder);
    const { best = false } = options;
    if (best !== false) {
      const monitor = best === true ? {} : best;
      const prefix = "checkpoint.best.";
      this.#best = resolveMonitor("fit", monitor, measures, prefix);
    }
  }

  /** Whether to save after each evaluation. */
  get keepsBest(): boolean {
    return this.#best !== undefined;
  }

  /**
   * Throw unless checkpoints can be written to the folder.
   *
   * @param resume Whether the run continues the one in the folder.
   */
  async prepare(resume: boolean): Promise<void> {
    if (!resume) {
      const path = await latestCheckpoint(this.#folder);
      if (path !== null) {
        const name = path.slice(join(this.#folder, "").length);
        throw new RangeError(
          `Cannot fit: checkpoint.folder must have no checkpoints of another run unless resume is true: it has ${name}`,
        );
      }
    }
    await probeSave(this.#folder, this.#parts);
  }

  /**
   * Write a checkpoint, and remove those that are not to be kept.
   *
   * @param step Steps taken.
   * @param log The records of these steps.
   * @param evaluation The evaluation of these very weights, if there was one.
   * @returns The file.
   */
  async save(
    step: number,
    log: RunLog,
    evaluation: EvaluationRecord | undefined,
  ): Promise<string> {
    const { keepLast = 2 } = this.#options;
    const name = `step-${String(step).padStart(9, "0")}.braintape`;
    const path = join(this.#folder, name);
    const metric = this.#best && evaluation?.values[this.#best.name];
    await this.#history.write(log);
    await saveCheckpoint(path, this.#parts, {
      keepLast,
      ...(metric !== undefined ? { metric } : {}),
      ...(this.#best ? { keepBest: 1, mode: this.#best.mode } : {}),
    });
    return path;
  }

  /** Write the states and the last batch, to examine a failed step. */
  async saveFailed(step: number, batch: Batch): Promise<string> {
    const tensors = await Promise.all(
      batch.map(async (x) => ({
        shape: x.shape,
        values: await x.data() as Float32Array | Int32Array,
      })),
    );
    // In a subfolder, where `resume` does not look.
    const path = join(this.#folder, `failed/step-${step}.braintape`);
    await saveCheckpoint(path, { ...this.#parts, batch: tensors });
    return path;
  }

  /** Load the newest checkpoint; returns its path, or `null` if there is none. */
  async resume(): Promise<string | null> {
    const path = await latestCheckpoint(this.#folder);
    if (path !== null) await loadCheckpoint(path, this.#parts);
    return path;
  }

  /** The log of a resumed run, without the records after the checkpoint. */
  async resumeLog(state: ProgressState): Promise<RunLog | null> {
    if (state.log !== undefined) return parseRunLog(state.log);
    const length = state.history ?? { steps: 0, evaluations: 0 };
    return await this.#history.resume(length);
  }

  /**
   * Load the evaluated states of the best checkpoint, with `restoreBest`.
   *
   * @returns Its step; `undefined` if nothing was loaded.
   */
  async restoreBest(): Promise<number | undefined> {
    if (!this.#options.restoreBest) return undefined;
    const mode = this.#best?.mode ?? "min";
    const path = await bestCheckpoint(this.#folder, { mode });
    if (path === null) return undefined;
    let step: number | undefined;
    const progress: Resumable = {
      stateDict: () => ({}),
      loadStateDict: (state: ProgressState) => step = state.step,
    };
    await loadCheckpoint(path, { ...this.restored, progress });
    return step;
  }

  /** The parts that `restoreBest` loads. */
  get restored(): Parts {
    const { model, average, optimizer } = this.#parts;
    // The point to evaluate follows from the parameters and the slots.
    const isAveraging = optimizer instanceof AveragingOptimizer;
    return {
      ...(model === undefined ? {} : { model }),
      ...(average === undefined ? {} : { average }),
      ...(isAveraging ? { optimizer } : {}),
    };
  }
}
