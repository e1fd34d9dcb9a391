/**
 * The log of a run as a table of comma-separated values.
 *
 * @module
 */
import { filePath } from "../../internal/file_path.ts";
import type { Callback, Run } from "../callback.ts";
import { writeText } from "./folder.ts";
import {
  type EvaluationRecord,
  type RunLog,
  trainingValueOf,
  valueOf,
} from "./run_log.ts";

/**
 * Write a table of all records, with the columns `step`, `epoch`, `time`, `loss`,
 * `lr`, `gradNorm`, `rate`, and one for each measure of the validation data
 * (`val_loss`, ...) and of the training sample (`train_loss`, ...). Matrices are left
 * out. Fields that a record does not have are empty.
 *
 * The whole table is written after each evaluation and when training ends, since
 * its columns are not known before.
 *
 * @param file The path of the file; its folder is created if missing.
 * @returns A callback for `fit`.
 */
export function csvLog(file: string | URL): Callback {
  const path = filePath("create csvLog", file);
  const write = ({ log }: Run) => writeText(path, formatCsv(log));
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

/** Format a log as the table of {@linkcode csvLog}, oldest record first. */
export function formatCsv(log: RunLog): string {
  const names = namesIn(log.evaluations.map(({ values }) => values));
  const trainingNames = namesIn(
    log.evaluations.map(({ training = {} }) => training),
  );
  const rows: { step: number; fields: (number | undefined)[] }[] = [
    ...log.steps.map((record) => ({
      step: record.step,
      fields: [
        ...STEP_COLUMNS.map((name) => record[name]),
        ...[...names, ...trainingNames].map(() => undefined),
      ],
    })),
    ...log.evaluations.map((record) => ({
      step: record.step,
      fields: [
        ...[
          record.step,
          record.epoch,
          record.time,
          undefined,
          undefined,
          undefined,
          undefined,
        ],
        ...names.map((name) => valueOf(record, name)),
        ...trainingNames.map((name) => trainingValueOf(record, name)),
      ],
    })),
  ].sort((a, b) => a.step - b.step);
  const header = [
    ...STEP_COLUMNS,
    ...names.map((name) => quote(`val_${name}`)),
    ...trainingNames.map((name) => quote(`train_${name}`)),
  ];
  return [header, ...rows.map(({ fields }) => fields.map((x) => x ?? ""))]
    .map((fields) => fields.join(",") + "\n").join("");
}

/** The names of all records, in the order in which they first occur. */
function namesIn(
  records: readonly EvaluationRecord["values"][],
): readonly string[] {
  return [...new Set(records.flatMap((values) => Object.keys(values)))];
}

function quote(field: string): string {
  return /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
