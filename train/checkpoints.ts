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
  saveCheckpoint,
} from "../checkpoint.ts";
import type { Batch } from "../data/batches.ts";
import { modeOf, type Monitor } from "./early_stopping.ts";
import type { EvaluationRecord } from "./logs/run_log.ts";

/** The option `checkpoint` of {@linkcode fit}. */
export interface CheckpointOptions {
  /** The folder of the checkpoints; created if missing. */
  readonly folder: string;
  /** Steps between two checkpoints. Default: one after each epoch. */
  readonly every?: number;
  /** The number of newest checkpoints to keep. @default {2} */
  readonly keepLast?: number;
  /**
   * Save after each evaluation, and also keep the best checkpoint, by the
   * validation loss (`true`) or another measure.
   */
  readonly best?: Monitor | boolean;
  /** Whether to load the best model when training ends. @default {false} */
  readonly restoreBest?: boolean;
}

/** Writes and reads the checkpoints of one run. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #parts: Parts;

  /** Write checkpoints of `parts`. */
  constructor(options: CheckpointOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Whether to save after each evaluation. */
  get keepsBest(): boolean {
    return Boolean(this.#options.best);
  }

  /**
   * Write a checkpoint, and remove those that are not to be kept.
   *
   * @param step Steps taken.
   * @param evaluation The evaluation of these very weights, if there was one.
   * @returns The file.
   */
  async save(
    step: number,
    evaluation: EvaluationRecord | undefined,
  ): Promise<string> {
    const { folder, keepLast = 2 } = this.#options;
    const path = `${folder}/step-${String(step).padStart(9, "0")}.braintape`;
    const monitor = this.#monitor;
    const metric = evaluation?.values[monitor.monitor ?? "loss"];
    const known = metric !== undefined && Number.isFinite(metric);
    await saveCheckpoint(path, this.#parts, {
      keepLast,
      mode: modeOf(monitor),
      ...(known ? { metric } : {}),
      ...(this.keepsBest ? { keepBest: 1 } : {}),
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
    const path = `${this.#options.folder}/failed/step-${step}.braintape`;
    await saveCheckpoint(path, { ...this.#parts, batch: tensors });
    return path;
  }

  /** Load the newest checkpoint; returns its path, or `null` if there is none. */
  async resume(): Promise<string | null> {
    const path = await latestCheckpoint(this.#options.folder);
    if (path !== null) await loadCheckpoint(path, this.#parts);
    return path;
  }

  /** Load the evaluated states of the best checkpoint, with `restoreBest`. */
  async restoreBest(): Promise<void> {
    const { folder, restoreBest = false } = this.#options;
    if (!restoreBest) return;
    const path = await bestCheckpoint(folder, { mode: modeOf(this.#monitor) });
    if (path === null) return;
    const { model, average } = this.#parts;
    await loadCheckpoint(path, {
      ...(model === undefined ? {} : { model }),
      ...(average === undefined ? {} : { average }),
    });
  }

  get #monitor(): Monitor {
    const { best } = this.#options;
    return typeof best === "object" ? best : {};
  }
}
