/**
 * What the lines of a progress bar say, and how they fit a terminal.
 *
 * @module
 */
import type { Run } from "../callback.ts";
import { formatDuration, formatNumber } from "../format.ts";
import type { EvaluationRecord, StepRecord } from "./run_log.ts";

/** What a line shows of a run. */
export interface Shown {
  /** The record of the last steps, if there is one. */
  readonly record: StepRecord | undefined;
  /** The training loss, if there is one. */
  readonly loss: number | undefined;
  /** The last evaluation, if there was one. */
  readonly evaluation: EvaluationRecord | undefined;
}

/** A field of a line. */
export interface Field {
  readonly text: string;
  /** Fields of higher rank are left out first. */
  readonly rank: number;
  /** The share of the bar that is full, if the field is the bar. */
  readonly share?: number;
}

/** The characters of the bar, at least and at most. */
const BAR_WIDTH = { min: 8, max: 20 } as const;
const GRAY = "90";
const GREEN = "32";

/** The fields of a line that is redrawn, the bar among them. */
export function liveFields(run: Run, shown: Shown): readonly Field[] {
  const { step, totalSteps } = run;
  return [
    ...epochOf(run),
    ...totalSteps === undefined ? [] : [{
      text: "─".repeat(BAR_WIDTH.min),
      rank: 9,
      share: Math.min(1, step / totalSteps),
    }],
    stepsOf(run),
    ...rateOf(shown),
    ...remaining(run, shown),
    ...lossOf(shown),
    ...lrOf(run),
    ...measuresOf(shown),
  ];
}

/** The fields beside a table of measures. */
export function statusFields(run: Run, shown: Shown): readonly Field[] {
  return [
    ...epochOf(run),
    stepsOf(run),
    ...lossOf(shown),
    ...lrOf(run),
    ...rateOf(shown),
    ...remaining(run, shown),
  ];
}

/** The fields of a line that stays. */
export function lastingFields(run: Run, shown: Shown): readonly Field[] {
  return [
    ...epochOf(run),
    stepsOf(run),
    ...lossOf(shown),
    ...measuresOf(shown),
    ...lrOf(run),
    ...rateOf(shown),
  ];
}

/** The fields of a line of plain text. */
export function plainFields(run: Run, shown: Shown): readonly Field[] {
  return [...lastingFields(run, shown), ...remaining(run, shown)];
}

function epochOf(run: Run): Field[] {
  const { epochs } = run;
  if (epochs === undefined || epochs === 1) return [];
  // The epoch of the last step: 2 until the second epoch has ended.
  const { epoch = 0 } = run.log.steps.at(-1) ?? {};
  const current = Math.max(run.epoch, Math.ceil(epoch - 1e-9), 1);
  return [{ text: `epoch ${Math.min(current, epochs)}/${epochs}`, rank: 2 }];
}

function stepsOf({ step, totalSteps }: Run): Field {
  const text = totalSteps === undefined
    ? `step ${step}`
    : `${step}/${totalSteps}`;
  return { text, rank: 3 };
}

function lossOf({ loss }: Shown): Field[] {
  return loss === undefined
    ? []
    : [{ text: `loss ${formatNumber(loss)}`, rank: 0 }];
}

/** The learning rate of the last step. */
function lrOf({ optimizer, step }: Run): Field[] {
  const lr = step > 0 ? optimizer.getLastLr()[0] : undefined;
  return lr === undefined ? [] : [{ text: `lr ${formatNumber(lr)}`, rank: 8 }];
}

function rateOf({ record }: Shown): Field[] {
  return record ? [{ text: `${formatNumber(record.rate)} it/s`, rank: 7 }] : [];
}

function remaining({ step, totalSteps }: Run, { record }: Shown): Field[] {
  if (totalSteps === undefined || !record) return [];
  if (!(record.rate > 0) || step >= totalSteps) return [];
  const seconds = (totalSteps - step) / record.rate;
  return [{ text: `ETA ${formatDuration(seconds)}`, rank: 5 }];
}

function measuresOf({ evaluation }: Shown): Field[] {
  return measureFields(evaluation).map(([name, value]) => ({
    text: `${name} ${formatNumber(value)}`,
    rank: name === "val loss" ? 1 : name.startsWith("val ") ? 4 : 6,
  }));
}

/**
 * The measures of an evaluation by the names that lines give them: those of the
 * validation data, then those of the training sample.
 */
export function measureFields(
  evaluation: EvaluationRecord | undefined,
): readonly [name: string, value: number][] {
  const { values = {}, training = {} } = evaluation ?? {};
  const named = (prefix: string, measures: EvaluationRecord["values"]) =>
    Object.entries(measures)
      .map(([name, x]): [string, number] => [`${prefix} ${name}`, x]);
  return [...named("val", values), ...named("train", training)];
}

/** One line, shorter than `columns`, of the fields that fit; the bar takes the rest. */
export function fitted(
  fields: readonly Field[],
  columns: number,
  color: boolean,
): string {
  const fitting = new Set(fields);
  const width = () =>
    [...fitting].reduce((sum, { text }) => sum + text.length + 2, -2);
  const byRank = fields.toSorted((a, b) => b.rank - a.rank);
  // The last column stays free: some terminals wrap when it is written.
  while (fitting.size > 0 && width() >= columns) {
    fitting.delete(byRank.shift()!);
  }
  const room = columns - 1 - width() + BAR_WIDTH.min;
  return fields.filter((field) => fitting.has(field))
    .map(({ text, share }) =>
      share === undefined
        ? text
        : bar(share, Math.min(room, BAR_WIDTH.max), color)
    ).join("  ");
}

/** All fields, in lines shorter than `columns`; those after the first are indented. */
export function wrapped(
  fields: readonly Field[],
  columns: number,
): readonly string[] {
  const lines: string[] = [];
  for (const { text } of fields) {
    const last = lines.at(-1);
    const joined = `${last}  ${text}`;
    if (last !== undefined && joined.length < columns) {
      lines.splice(-1, 1, joined);
    } else lines.push(lines.length > 0 ? `  ${text}` : text);
  }
  return lines;
}

/** One line of all fields. */
export function plain(fields: readonly Field[]): string {
  return fields.map(({ text }) => text).join("  ");
}

function bar(share: number, width: number, color: boolean): string {
  const done = Math.round(share * width);
  const full = "━".repeat(done);
  const rest = "─".repeat(width - done);
  return color
    ? `\x1b[${GREEN}m${full}\x1b[0m\x1b[${GRAY}m${rest}\x1b[0m`
    : full + rest;
}
