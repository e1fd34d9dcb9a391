/**
 * The log of a run as files of text.
 *
 * @module
 */
import type { Callback, Run } from "./callback.ts";
import {
  formatLogLine,
  formatRunLog,
  type LogLine,
  parseRunLog,
  type RunLog,
} from "./run_log.ts";
import { readText } from "./files.ts";

/**
 * Write each record as a line of JSON, at once, so that a run that is killed
 * leaves all that it measured.
 *
 * A resumed run goes on in the same file; records after the step it resumed from
 * are taken out first, since these steps are taken again.
 *
 * @param path The file; its folder is made if need be.
 * @returns A callback for `fit`.
 */
export function jsonLines(path: string): Callback {
  const append = (line: LogLine) =>
    Deno.writeTextFile(path, formatLogLine(line), { append: true });
  return {
    async onStart({ log }) {
      await makeFolderOf(path);
      await Deno.writeTextFile(path, formatRunLog(log));
    },
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
 * @param path The file.
 * @returns The run.
 * @throws {RangeError} If there is no such file, or it is not a log.
 */
export async function readRunLog(path: string): Promise<RunLog> {
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

/**
 * Write a table of all records: `step`, `epoch`, `time`, `loss`, `lr`,
 * `gradNorm`, `rate`, then a column for each validated value (`val_loss`, ...).
 * Fields that a record does not have are empty.
 *
 * The table is written when training ends, since its columns are known only
 * then, and after each evaluation, so that it can be looked at before.
 *
 * @param path The file; its folder is made if need be.
 * @returns A callback for `fit`.
 */
export function csvLog(path: string): Callback {
  const write = async ({ log }: Run) => {
    await makeFolderOf(path);
    await Deno.writeTextFile(path, formatCsv(log));
  };
  return { onEvaluation: write, onEnd: write };
}

const STEP_COLUMNS = [
  "step",
  "epoch",
  "time",
  "loss",
  "lr",
  "gradNorm",
  "rate",
] as const;

/** The table of {@linkcode csvLog}, oldest record first. */
export function formatCsv(log: RunLog): string {
  const names = [
    ...new Set(log.evaluations.flatMap(({ values }) => Object.keys(values))),
  ];
  const rows: { step: number; fields: (number | undefined)[] }[] = [
    ...log.steps.map((record) => ({
      step: record.step,
      fields: [
        ...STEP_COLUMNS.map((name) => record[name]),
        ...names.map(() => undefined),
      ],
    })),
    ...log.evaluations.map(({ step, epoch, time, values }) => ({
      step,
      fields: [
        ...[step, epoch, time, undefined, undefined, undefined, undefined],
        ...names.map((name) => values[name]),
      ],
    })),
  ].sort((a, b) => a.step - b.step);
  const header = [
    ...STEP_COLUMNS,
    ...names.map((name) => quote(`val_${name}`)),
  ];
  return [header, ...rows.map(({ fields }) => fields.map((x) => x ?? ""))]
    .map((fields) => fields.join(",") + "\n").join("");
}

function quote(field: string): string {
  return /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Make the folder that `path` is in. */
export async function makeFolderOf(path: string): Promise<void> {
  const slash = path.lastIndexOf("/");
  if (slash > 0) await Deno.mkdir(path.slice(0, slash), { recursive: true });
}
