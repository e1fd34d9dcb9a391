/**
 * What is known of a run while it trains and afterwards: plain data, and its
 * form as JSON lines.
 *
 * @module
 */

/** What a run was started with, for the table of runs. */
export type RunConfig = Readonly<Record<string, string | number | boolean>>;

/** Measured over the steps since the record before. */
export interface StepRecord {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, with the fraction of the one under way. */
  readonly epoch: number;
  /** Seconds of training, over all parts of a run that was resumed. */
  readonly time: number;
  /** The mean loss of these steps. */
  readonly loss: number;
  /** The learning rate of the last of them. */
  readonly lr: number;
  /** The norm of all gradients at the last of them. */
  readonly gradNorm?: number;
  /** Steps in a second. */
  readonly rate: number;
}

/** Measured on the validation data. */
export interface EvaluationRecord {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, with the fraction of the one under way. */
  readonly epoch: number;
  /** Seconds of training, over all parts of a run that was resumed. */
  readonly time: number;
  /** The mean loss, under `"loss"`, and the metrics. */
  readonly values: Readonly<Record<string, number>>;
}

/** How a run ended. */
export interface EndRecord {
  /** Steps taken. */
  readonly step: number;
  /** Seconds of training, over all parts of a run that was resumed. */
  readonly time: number;
  /** Why it ended. */
  readonly reason: string;
}

/** All that is known of a run. */
export interface RunLog {
  /** What the run is called. */
  readonly name: string;
  /** What it was started with. */
  readonly config: RunConfig;
  /** The steps, oldest first. */
  readonly steps: readonly StepRecord[];
  /** The evaluations, oldest first. */
  readonly evaluations: readonly EvaluationRecord[];
  /** How it ended, once it has. */
  readonly end?: EndRecord;
}

/** One line of the log. */
export type LogLine =
  | { readonly type: "run"; readonly name: string; readonly config: RunConfig }
  | { readonly type: "step" } & StepRecord
  | { readonly type: "evaluation" } & EvaluationRecord
  | { readonly type: "end" } & EndRecord;

/**
 * A line of the log as JSON.
 *
 * JSON has no infinities and no NaN: they become strings, `"NaN"`, `"Infinity"`.
 *
 * @param line What to write.
 * @returns One line, with its line break.
 */
export function formatLogLine(line: LogLine): string {
  return JSON.stringify(
    line,
    (_, value) =>
      typeof value === "number" && !Number.isFinite(value)
        ? String(value)
        : value,
  ) + "\n";
}

/** A whole log as JSON lines, without its end. */
export function formatRunLog(log: RunLog): string {
  const lines: LogLine[] = [
    { type: "run", name: log.name, config: log.config },
    ...log.steps.map((r) => ({ type: "step" as const, ...r })),
    ...log.evaluations.map((r) => ({ type: "evaluation" as const, ...r })),
  ];
  return lines.map(formatLogLine).join("");
}

/**
 * Read a log of JSON lines. A last line that was cut off (the run was killed
 * while writing it) is left out.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const text = train.formatLogLine({ type: "run", name: "a", config: {} }) +
 *   train.formatLogLine({ type: "end", step: 9, time: 1, reason: "done" }) +
 *   '{"type": "st';
 * assertEquals(train.parseRunLog(text).end?.step, 9);
 * ```
 *
 * @param text The contents of the file.
 * @param name What to call the run if the log does not say it.
 * @returns The run.
 * @throws {RangeError} If a line is not one of a log.
 */
export function parseRunLog(text: string, name = "run"): RunLog {
  let run = { name, config: {} as RunConfig };
  let end: EndRecord | undefined;
  const steps: StepRecord[] = [];
  const evaluations: EvaluationRecord[] = [];
  const lines = text.split("\n");
  lines.pop(); // empty, or cut off
  for (const [i, text] of lines.entries()) {
    const line = parseLine(text, i + 1);
    if (line.type === "run") run = { name: line.name, config: line.config };
    else if (line.type === "step") steps.push(line);
    else if (line.type === "evaluation") evaluations.push(line);
    else if (line.type === "end") end = line;
  }
  return { ...run, steps, evaluations, ...(end ? { end } : {}) };
}

function parseLine(text: string, number: number): LogLine {
  try {
    const line = JSON.parse(text, (key, value) => revive(key, value));
    if (["run", "step", "evaluation", "end"].includes(line.type)) return line;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RangeError(
    `Cannot read the log: each line must be a record in JSON: line ${number} is ${
      JSON.stringify(text.slice(0, 60))
    }`,
  );
}

const NOT_JSON: Readonly<Record<string, number>> = {
  NaN,
  Infinity,
  "-Infinity": -Infinity,
};

function revive(key: string, value: unknown): unknown {
  const text = key === "name" || key === "reason" || typeof value !== "string";
  return text ? value : NOT_JSON[value] ?? value;
}
