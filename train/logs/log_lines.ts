/**
 * The log of a run as JSON lines.
 *
 * @module
 */
import type {
  EndRecord,
  EvaluationRecord,
  LogLine,
  RunConfig,
  RunLog,
  StepRecord,
} from "./run_log.ts";

/** The numbers that JSON does not have, by name. */
const NOT_JSON: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);

/**
 * Format a line of the log as JSON.
 *
 * JSON has neither NaN nor infinities: numbers of records become the strings
 * `"NaN"`, `"Infinity"`, `"-Infinity"`, and in `config`, where there are strings too,
 * `{ "$number": "NaN" }` and the like. {@linkcode parseRunLog} reads all of them back
 * as they were.
 *
 * @param line The record.
 * @returns One line, including its line break.
 */
export function formatLogLine(line: LogLine): string {
  const isRun = line.type === "run";
  const format = (_: string, value: unknown) => {
    if (typeof value !== "number") return value;
    if (Number.isFinite(value) && !Object.is(value, -0)) return value;
    const name = Object.is(value, -0) ? "-0" : String(value);
    return isRun ? { $number: name } : name;
  };
  return JSON.stringify(line, format) + "\n";
}

/** Format a log as JSON lines in the order of steps, without the record of its end. */
export function formatRunLog(log: RunLog): string {
  const records = [
    ...log.steps.map((r) => ({ type: "step" as const, ...r })),
    ...log.evaluations.map((r) => ({ type: "evaluation" as const, ...r })),
  ].sort((a, b) => a.step - b.step);
  const lines: LogLine[] = [
    { type: "run", name: log.name, config: log.config },
    ...records,
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
 * @throws {RangeError} If a line is not a record of a log; the message has the number
 *   of the line.
 */
export function parseRunLog(text: string, name = "run"): RunLog {
  let run: { name: string; config: RunConfig } = { name, config: {} };
  let end: EndRecord | undefined;
  const steps: StepRecord[] = [];
  const evaluations: EvaluationRecord[] = [];
  const lines = text.split("\n");
  lines.pop(); // empty, or cut off
  for (const [i, text] of lines.entries()) {
    const { type, ...record } = parseLine(text, i + 1);
    if (type === "run") run = record as typeof run;
    else if (type === "step") steps.push(record as unknown as StepRecord);
    else if (type === "evaluation") {
      evaluations.push(record as unknown as EvaluationRecord);
    } else end = record as unknown as EndRecord;
  }
  return { ...run, steps, evaluations, ...(end ? { end } : {}) };
}

/** Fails with what is wrong with a line. */
type Fail = (problem: string) => never;

/** The value of a field of a record, checked. */
type Field = (value: unknown, fail: Fail, name: string) => unknown;

const number: Field = (value, fail, name) => {
  if (typeof value === "number") return value;
  return NOT_JSON.get(value as string) ?? fail(`${name} is not a number`);
};

const optionalNumber: Field = (value, fail, name) =>
  value === undefined ? undefined : number(value, fail, name);

const text: Field = (value, fail, name) =>
  typeof value === "string" ? value : fail(`${name} is not a string`);

const numbers: Field = (value, fail, name) => mapped(value, number, fail, name);

const optionalNumbers: Field = (value, fail, name) =>
  value === undefined ? undefined : numbers(value, fail, name);

const listOf = (item: Field): Field => (value, fail, name) =>
  Array.isArray(value)
    ? value.map((x, i) => item(x, fail, `${name}[${i}]`))
    : fail(`${name} is not a list`);

const matrices: Field = (value, fail, name) =>
  value === undefined
    ? undefined
    : mapped(value, listOf(listOf(number)), fail, name);

const config: Field = (value, fail, name) =>
  mapped(value ?? {}, setting, fail, name);

const setting: Field = (value, fail, name) => {
  if (["string", "number", "boolean"].includes(typeof value)) return value;
  const names = typeof value === "object" && value !== null
    ? Object.keys(value)
    : [];
  return names.length === 1 && names[0] === "$number"
    ? number((value as { $number: unknown }).$number, fail, name)
    : fail(`${name} is not a string, a number or a boolean`);
};

/** A record with each value checked; its keys may be any strings. */
function mapped(value: unknown, field: Field, fail: Fail, name: string) {
  if (!isRecord(value)) return fail(`${name} is not a record`);
  return Object.fromEntries(
    Object.entries(value).map((
      [key, x],
    ) => [key, field(x, fail, `${name}.${key}`)]),
  );
}

const FIELDS: ReadonlyMap<unknown, Readonly<Record<string, Field>>> = new Map<
  unknown,
  Readonly<Record<string, Field>>
>([
  ["run", { name: text, config }],
  ["step", {
    step: number,
    epoch: number,
    time: number,
    loss: number,
    lr: number,
    gradNorm: optionalNumber,
    rate: number,
  }],
  ["evaluation", {
    step: number,
    epoch: number,
    time: number,
    values: numbers,
    training: optionalNumbers,
    matrices,
  }],
  ["end", { step: number, time: number, reason: text }],
]);

function parseLine(line: string, at: number): Record<string, unknown> {
  const fail: Fail = (problem) => {
    throw new RangeError(
      `Cannot read the log: each line must be a record in JSON: line ${at} is ${
        JSON.stringify(line.slice(0, 60))
      }: ${problem}`,
    );
  };
  const value = jsonOf(line);
  if (!isRecord(value)) return fail("it is not a record");
  const fields = FIELDS.get(value.type);
  if (!fields) return fail("its type is not run, step, evaluation or end");
  const record: Record<string, unknown> = { type: value.type };
  // In the order of the line, then those that the line lacks.
  for (const name of new Set([...Object.keys(value), ...Object.keys(fields)])) {
    if (!Object.hasOwn(fields, name)) continue;
    const own = Object.hasOwn(value, name) ? value[name] : undefined;
    const read = fields[name]!(own, fail, name);
    if (read !== undefined) record[name] = read;
  }
  return record;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isRecord(x: unknown): x is Record<string, unknown> {
  return typeof x === "object" && x !== null && !Array.isArray(x);
}
