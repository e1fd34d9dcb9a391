/**
 * The log of a run: plain data, and its form as JSON lines.
 *
 * @module
 */

/** The settings of a run. */
export type RunConfig = Readonly<Record<string, string | number | boolean>>;

/** A record of the steps since the record before. */
export interface StepRecord {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, including the fraction of the current one. */
  readonly epoch: number;
  /** Seconds of training, including those before a resume. */
  readonly time: number;
  /** The mean loss of these steps. */
  readonly loss: number;
  /** The learning rate of the last of these steps. */
  readonly lr: number;
  /** The norm of all gradients in the last of these steps. */
  readonly gradNorm?: number;
  /** Steps per second. */
  readonly rate: number;
}

/** A record of an evaluation. */
export interface EvaluationRecord {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, including the fraction of the current one. */
  readonly epoch: number;
  /** Seconds of training, including those before a resume. */
  readonly time: number;
  /** The mean loss, named `"loss"`, and the metrics. */
  readonly values: Readonly<Record<string, number>>;
}

/** The record of the end of a run. */
export interface EndRecord {
  /** Steps taken. */
  readonly step: number;
  /** Seconds of training, including those before a resume. */
  readonly time: number;
  /** Why the run ended. */
  readonly reason: string;
}

/** The records of a run. */
export interface RunLog {
  /** The name of the run. */
  readonly name: string;
  /** The settings of the run. */
  readonly config: RunConfig;
  /** The records of steps, oldest first. */
  readonly steps: readonly StepRecord[];
  /** The records of evaluations, oldest first. */
  readonly evaluations: readonly EvaluationRecord[];
  /** The record of the end, once it has ended. */
  readonly end?: EndRecord;
}

/** One line of the log. */
export type LogLine =
  | { readonly type: "run"; readonly name: string; readonly config: RunConfig }
  | { readonly type: "step" } & StepRecord
  | { readonly type: "evaluation" } & EvaluationRecord
  | { readonly type: "end" } & EndRecord;

/**
 * Format a line of the log as JSON.
 *
 * JSON has neither NaN nor infinities; they become strings: `"NaN"`, `"Infinity"`.
 *
 * @param line The record.
 * @returns One line, including its line break.
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

/** Format a log as JSON lines, without the record of its end. */
export function formatRunLog(log: RunLog): string {
  const lines: LogLine[] = [
    { type: "run", name: log.name, config: log.config },
    ...log.steps.map((r) => ({ type: "step" as const, ...r })),
    ...log.evaluations.map((r) => ({ type: "evaluation" as const, ...r })),
  ];
  return lines.map(formatLogLine).join("");
}

/**
 * Parse a log of JSON lines. An incomplete last line (of a run that was killed
 * while writing it) is ignored.
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
 * @param name The name of the run if the log has none.
 * @returns The run.
 * @throws {RangeError} If a line is not a record of a log.
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
