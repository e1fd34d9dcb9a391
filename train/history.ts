/**
 * The log of a run, kept in the folder of its checkpoints.
 *
 * @module
 */
import { replaceFile, writeAll } from "../checkpoint/replace_file.ts";
import { join } from "../internal/file_path.ts";
import { isError } from "../internal/system/errors.ts";
import { system } from "../internal/system/system.ts";
import { formatLogLine, formatRunLog, parseRunLog } from "./logs/log_lines.ts";
import type { RunLog } from "./logs/run_log.ts";

const KEEP = "keep the log of a run";

/** How many records of a log a checkpoint refers to. */
export interface LogLength {
  /** The records of steps. */
  readonly steps: number;
  /** The records of evaluations. */
  readonly evaluations: number;
}

/**
 * The file with all records so far. A checkpoint has only their number, so that it
 * does not grow with the run. Records are synced to disk before the checkpoint that
 * refers to them is written.
 */
export class History {
  readonly #path: string;
  /** The records in the file; none if there is no file of this run yet. */
  #written: LogLength | undefined;

  /** Keep the log in `folder`. */
  constructor(folder: string) {
    this.#path = join(folder, "history.jsonl");
  }

  /** Write the records that are not in the file yet. */
  async write(log: RunLog): Promise<void> {
    if (!this.#written) await this.#replace(log);
    else {
      const steps = log.steps.slice(this.#written.steps);
      const evaluations = log.evaluations.slice(this.#written.evaluations);
      await this.#append(
        steps.map((r) => formatLogLine({ type: "step", ...r })).join("") +
          evaluations.map((r) => formatLogLine({ type: "evaluation", ...r }))
            .join(""),
      );
    }
    this.#written = lengthOf(log);
  }

  /**
   * Read the first records, and remove those after them, which a resumed run writes
   * again.
   *
   * @returns The log; `null` if the file is missing or has fewer records.
   */
  async resume({ steps, evaluations }: LogLength): Promise<RunLog | null> {
    const text = await system(KEEP).readTextFile(this.#path).catch((error) => {
      if (isError(error, "missing")) return "";
      throw error;
    });
    const log = parseRunLog(text);
    if (log.steps.length < steps || log.evaluations.length < evaluations) {
      return null;
    }
    const kept = {
      ...log,
      steps: log.steps.slice(0, steps),
      evaluations: log.evaluations.slice(0, evaluations),
    };
    await this.#replace(kept);
    this.#written = lengthOf(kept);
    return kept;
  }

  async #replace(log: RunLog): Promise<void> {
    const bytes = new TextEncoder().encode(formatRunLog(log));
    await replaceFile(this.#path, (sink) => sink.write(bytes));
  }

  async #append(text: string): Promise<void> {
    if (text === "") return;
    const options = { append: true, create: true };
    const file = await system(KEEP).open(this.#path, options);
    try {
      await writeAll(file, new TextEncoder().encode(text));
      await file.sync();
    } finally {
      file.close();
    }
  }
}

function lengthOf({ steps, evaluations }: RunLog): LogLength {
  return { steps: steps.length, evaluations: evaluations.length };
}
