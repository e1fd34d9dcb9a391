import { assert, assertEquals, assertThrows } from "@std/assert";
import { renderReport } from "../../train/report/page.ts";
import { formatCsv } from "../../train/logs/csv_log.ts";
import {
  formatLogLine,
  formatRunLog,
  parseRunLog,
} from "../../train/logs/log_lines.ts";
import type { RunLog } from "../../train/logs/run_log.ts";

const STRANGE = [
  "",
  "NaN",
  "Infinity",
  "-Infinity",
  "-0",
  "constructor",
  "__proto__",
  "toString",
  "hasOwnProperty",
  "$number",
  '"quoted"',
  "line\nbreak",
  "\u2028",
  "😀",
];
const NUMBERS = [0, -0, 1.5, 1e-310, NaN, Infinity, -Infinity, 2 ** 53];

/** A record with own properties of these names, `__proto__` included. */
const named = <T>(names: string[], value: (i: number) => T) =>
  Object.fromEntries(names.map((name, i) => [name, value(i)]));

const step = (x: number) => ({
  step: 1,
  epoch: x,
  time: x,
  loss: x,
  lr: x,
  gradNorm: x,
  rate: x,
});

/** Logs with all that JSON does not keep, or that objects inherit. */
const LOGS: RunLog[] = [
  ...STRANGE.map((text) => ({
    name: text,
    config: { [text || "x"]: text, number: NaN },
    steps: [],
    evaluations: [],
    end: { step: 1, time: 1, reason: text },
  })),
  {
    name: "config",
    config: {
      ...named(STRANGE, (i) => STRANGE[i]!),
      ...named(NUMBERS.map(String), (i) => NUMBERS[i]!),
      yes: true,
      no: false,
    },
    steps: NUMBERS.map(step),
    evaluations: NUMBERS.map((x) => ({
      step: 1,
      epoch: 1,
      time: 1,
      values: { ...named(STRANGE, () => x) },
    })),
  },
];

Deno.test("a log reads back as it was, whatever it says", () => {
  for (const log of LOGS) {
    const { end, ...rest } = log;
    const text = formatRunLog(log) +
      (end ? formatLogLine({ type: "end", ...end }) : "");
    const read = parseRunLog(text);
    assertEquals(read, { ...rest, ...(end ? { end } : {}) });
    assertEquals(
      Object.keys(read.config).sort(),
      Object.keys(log.config).sort(),
    );
    assert(Object.is(Object.getPrototypeOf(read.config), Object.prototype));
    for (const [i, { loss }] of read.steps.entries()) {
      assert(Object.is(loss, log.steps[i]!.loss), `${loss}`);
    }
  }
});

const STEP =
  '{"type":"step","step":1,"epoch":1,"time":1,"loss":1,"lr":1,"rate":1}';
const END = '{"type":"end","step":1,"time":1,"reason":"done"}';

/** Lines that are no records, and what is said of them. */
const BAD: [line: string, problem: string][] = [
  ["null", "it is not a record"],
  ["[]", "it is not a record"],
  ["7", "it is not a record"],
  ['"step"', "it is not a record"],
  ["", "it is not a record"],
  ["{", "it is not a record"],
  ["{}", "its type is not run, step, evaluation or end"],
  ['{"type":"constructor"}', "its type is not"],
  ['{"type":["step"]}', "its type is not"],
  ['{"__proto__":{"type":"step"}}', "its type is not"],
  ['{"type":"step"}', "step is not a number"],
  [STEP.replace('"loss":1', '"loss":null'), "loss is not a number"],
  [STEP.replace('"loss":1', '"loss":"1"'), "loss is not a number"],
  [STEP.replace('"loss":1', '"loss":"constructor"'), "loss is not a number"],
  [STEP.replace(',"rate":1', ""), "rate is not a number"],
  [STEP.replace('"rate":1', '"gradNorm":[],"rate":1'), "gradNorm is not a"],
  ['{"type":"run"}', "name is not a string"],
  ['{"type":"run","name":7}', "name is not a string"],
  ['{"type":"run","name":"a","config":7}', "config is not a record"],
  ['{"type":"run","name":"a","config":[]}', "config is not a record"],
  [
    '{"type":"run","name":"a","config":{"x":{}}}',
    "config.x is not a string, a number or a boolean",
  ],
  [
    '{"type":"run","name":"a","config":{"x":{"$number":"two"}}}',
    "config.x is not a number",
  ],
  [
    '{"type":"evaluation","step":1,"epoch":1,"time":1}',
    "values is not a record",
  ],
  [
    '{"type":"evaluation","step":1,"epoch":1,"time":1,"values":{"f1":null}}',
    "values.f1 is not a number",
  ],
  [END.replace('"reason":"done"', '"reason":7'), "reason is not a string"],
  [END.replace(',"reason":"done"', ""), "reason is not a string"],
];

Deno.test("a line that is not a record of a log is reported with its number", () => {
  for (const [line, problem] of BAD) {
    const error = assertThrows(
      () => parseRunLog(`${STEP}\n${END}\n${line}\n${STEP}\n`),
      RangeError,
      problem,
    );
    const start =
      "Cannot read the log: each line must be a record in JSON: line 3 is ";
    assert(error.message.startsWith(start), error.message);
  }
});

Deno.test("reports and tables of logs with names that objects inherit", () => {
  const other: RunLog = { name: "b", config: {}, steps: [], evaluations: [] };
  for (const log of LOGS) {
    const whole = renderReport([log, other]);
    // Without the script, which has functions.
    const page = whole.slice(0, whole.lastIndexOf("<script>"));
    assert(!page.includes("function"), log.name);
    assert(!page.includes("[object"), log.name);
    const empty = {
      ...log,
      evaluations: [
        ...log.evaluations,
        { step: 2, epoch: 1, time: 1, values: {} },
      ],
    };
    assert(!formatCsv(empty).includes("function"));
  }
});
