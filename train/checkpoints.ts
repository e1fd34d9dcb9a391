/**
 * The checkpoints of a run: when they are written, and which are kept.
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
import { modeOf, type Monitor } from "./early_stopping.ts";
import type { EvaluationRecord } from "./logs/run_log.ts";

/** Options of `checkpoint` in {@linkcode fit}. */
export interface CheckpointOptions {
  /** The folder of the checkpoints; made if need be. */
  readonly folder: string;
  /** Steps between two checkpoints. Default: one after each epoch. */
  readonly every?: number;
  /** How many of the newest to keep. @default {2} */
  readonly keepLast?: number;
  /**
   * Save after each evaluation, and keep the best one besides: by the validation
   * loss (`true`) or another measure.
   */
  readonly best?: Monitor | boolean;
  /** When training ends, load the best model. @default {false} */
  readonly restoreBest?: boolean;
}

/** Writes and reads the checkpoints of one run. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #parts: Parts;

  /** Save `parts` as `options` say. */
  constructor(options: CheckpointOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Whether to save after each evaluation. */
  get keepsBest(): boolean {
    return Boolean(this.#options.best);
  }

  /**
   * Write a checkpoint, and remove those that need not be kept.
   *
   * @param step Steps taken.
   * @param evaluation What has been measured of exactly these weights, if so.
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

  /** Write the states with `parts` besides, for a look at what went wrong. */
  async saveFailed(step: number, parts: Parts): Promise<string> {
    // In a folder of its own, where `resume` does not look.
    const path = `${this.#options.folder}/failed/step-${step}.braintape`;
    await saveCheckpoint(path, { ...this.#parts, ...parts });
    return path;
  }

  /** Load the newest checkpoint; says which, `null` if there is none. */
  async resume(): Promise<string | null> {
    const path = await latestCheckpoint(this.#options.folder);
    if (path !== null) await loadCheckpoint(path, this.#parts);
    return path;
  }

  /** Load what was evaluated from the best checkpoint, if that is wanted. */
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
