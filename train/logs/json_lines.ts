/**
 * The log of a run as a file of JSON lines.
 *
 * @module
 */
import { filePath } from "../../internal/file_path.ts";
import type { Callback } from "../callback.ts";
import { formatLogLine, formatRunLog, parseRunLog } from "./log_lines.ts";
import type { LogLine, RunLog } from "./run_log.ts";
import { writeText } from "./folder.ts";
import { readText } from "../../data/files.ts";

/**
 * Write each record as a line of JSON, immediately, so that the log of a run that is
 * killed is complete.
 *
 * A resumed run continues the same file. Records after the step that it resumes from
 * are removed first, since these steps are taken again.
 *
 * @param file The path of the file; its folder is created if missing.
 * @returns A callback for `fit`.
 */
export function jsonLines(file: string | URL): Callback {
  const path = filePath("create jsonLines", file);
  const append = (line: LogLine) =>
    writeText(path, formatLogLine(line), { append: true });
  return {
    onStart: ({ log }) => writeText(path, formatRunLog(log)),
    onLog: (_, record) => append({ type: "step", ...record }),
    onEvaluation: (_, record) => append({ type: "evaluation", ...record }),
    async onEnd({ log }) {
      if (log.end) await append({ type: "end", ...log.end });
    },
  };
}

/**
 * Read a log that {@linkcode jsonLines} wrote.
 *
 * @param file The path of the file.
 * @returns The run.
 * @throws {RangeError} If there is no such file, or it is not a log.
 */
export async function readRunLog(file: string | URL): Promise<RunLog> {
  const path = filePath("read the log", file);
  try {
    return parseRunLog(await readText(path), path);
  } catch (error) {
    if (
      error instanceof RangeError &&
      error.message.startsWith("Cannot read the log")
    ) {
      throw new RangeError(`${error.message} (in ${path})`, { cause: error });
    }
    throw error;
  }
}
