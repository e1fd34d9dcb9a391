/**
 * The progress bar.
 *
 * @module
 */
import type { System } from "../../internal/system/interface.ts";
import { anySystem } from "../../internal/system/system.ts";
import {
  anything,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import type { Callback, Run } from "../callback.ts";
import { formatDuration, formatNumber } from "../format.ts";
import type { EvaluationRecord, StepRecord } from "./run_log.ts";

/** The output of a progress bar. */
export interface ProgressOutput {
  /** Whether the line can be redrawn. */
  readonly isTerminal: boolean;
  /** Width in characters. */
  readonly columns: number;
  /** Whether to use colors. */
  readonly color: boolean;
  /** Write text unchanged. */
  write(text: string): void;
}

/** Options of {@linkcode progressBar}. */
export interface ProgressOptions {
  /** The output. Default: standard error; the console in a browser. */
  readonly output?: ProgressOutput;
  /** Seconds between two updates on a terminal. @default {0.1} */
  readonly interval?: number;
  /** Seconds between two lines elsewhere, besides evaluations. @default {10} */
  readonly plainInterval?: number;
}

const RULES: OptionRules<ProgressOptions> = {
  output: anything,
  interval: "a nonnegative finite number",
  plainInterval: "a nonnegative finite number",
};

/** The characters of the bar, at least and at most. */
const BAR_WIDTH = { min: 8, max: 20 } as const;
const GRAY = "90";
const GREEN = "32";

/**
 * Show the progress of training: steps, steps per second, time left, loss, learning
 * rate, and the last evaluation.
 *
 * On a terminal it is one line that is redrawn, without colors if the environment
 * variable `NO_COLOR` is set; each epoch and each evaluation leaves a line. Parts
 * that do not fit the terminal are left out, the losses last. Elsewhere (a file, a
 * pipe) it is a line of text for each epoch and evaluation, every ten seconds in
 * between, and at the end.
 *
 * @param options See {@linkcode ProgressOptions}.
 * @returns A callback for `fit`.
 */
export function progressBar(options: ProgressOptions = {}): Callback {
  checkOptions("create progressBar", options, RULES);
  const { interval = 0.1, plainInterval = 10 } = options;
  const output = options.output ?? standardError();
  const { isTerminal } = output;
  let last = -Infinity;
  /** Whether the current line of the terminal can be redrawn. */
  let open = false;
  /** The step of the last line that was left. */
  let left = -1;
  let values: EvaluationRecord["values"] = {};
  let record: StepRecord | undefined;

  const line = (run: Run, loss: number | undefined) => {
    last = performance.now();
    return formatLine(partsOf(run, record, loss, values, isTerminal), output);
  };
  /** Write a line that stays, unless there is one of this step. */
  const leave = async (run: Run) => {
    if (left === run.step && !open) return;
    const text = line(run, await run.loss());
    // Erasing after the text, not before it, avoids flicker.
    output.write(isTerminal ? `\r${text}\x1b[K\n` : `${text}\n`);
    left = run.step;
    open = false;
  };

  return {
    onStart(run) {
      last = performance.now();
      values = run.log.evaluations.at(-1)?.values ?? {};
      record = run.log.steps.at(-1);
    },
    async onLog(run, next) {
      record = next;
      const seconds = isTerminal ? interval : plainInterval;
      const isDue = performance.now() - last >= 1000 * seconds;
      if (!isDue || left === run.step) return;
      if (!isTerminal) return await leave(run);
      output.write(`\r${line(run, next.loss)}\x1b[K`);
      open = true;
    },
    async onEvaluation(run, evaluation) {
      values = evaluation.values;
      // A line of this step that was left before lacks the evaluation.
      open = true;
      await leave(run);
    },
    onEpoch: leave,
    onEnd: leave,
  };
}

/** A part of the line. */
interface Part {
  readonly text: string;
  /** Parts of higher rank are left out first. */
  readonly rank: number;
  /** The share of the bar that is full, if the part is the bar. */
  readonly share?: number;
}

function partsOf(
  run: Run,
  record: StepRecord | undefined,
  loss: number | undefined,
  values: EvaluationRecord["values"],
  isTerminal: boolean,
): Part[] {
  const parts: Part[] = [];
  const { epochs, totalSteps, step } = run;
  if (epochs !== undefined && epochs > 1) {
    // The epoch of the last step: 2 until the second epoch has ended.
    const { epoch = 0 } = run.log.steps.at(-1) ?? {};
    const current = Math.max(run.epoch, Math.ceil(epoch - 1e-9), 1);
    parts.push({
      text: `epoch ${Math.min(current, epochs)}/${epochs}`,
      rank: 2,
    });
  }
  if (totalSteps !== undefined) {
    if (isTerminal) {
      const text = "─".repeat(BAR_WIDTH.min);
      parts.push({ text, rank: 6, share: Math.min(1, step / totalSteps) });
    }
    parts.push({ text: `${step}/${totalSteps}`, rank: 3 });
  } else parts.push({ text: `step ${step}`, rank: 3 });
  if (record !== undefined) {
    parts.push({ text: `${formatNumber(record.rate)} it/s`, rank: 7 });
    if (totalSteps !== undefined && record.rate > 0 && step < totalSteps) {
      const seconds = (totalSteps - step) / record.rate;
      parts.push({ text: `ETA ${formatDuration(seconds)}`, rank: 5 });
    }
  }
  if (loss !== undefined) {
    parts.push({ text: `loss ${formatNumber(loss)}`, rank: 0 });
  }
  if (record !== undefined) {
    parts.push({ text: `lr ${formatNumber(record.lr)}`, rank: 8 });
  }
  for (const [name, value] of Object.entries(values)) {
    const isLoss = name === "loss";
    const text = `${isLoss ? "val loss" : name} ${formatNumber(value)}`;
    parts.push({ text, rank: isLoss ? 1 : 4 });
  }
  return parts;
}

/** The parts that fit: a line that wraps cannot be redrawn. */
function formatLine(
  parts: readonly Part[],
  { isTerminal, columns, color }: ProgressOutput,
): string {
  const fitting = new Set(parts);
  const width = () =>
    [...fitting].reduce((sum, { text }) => sum + text.length + 2, -2);
  const byRank = parts.toSorted((a, b) => b.rank - a.rank);
  // The last column stays free: some terminals wrap when it is written.
  while (isTerminal && fitting.size > 0 && width() >= columns) {
    fitting.delete(byRank.shift()!);
  }
  const room = columns - 1 - width() + BAR_WIDTH.min;
  return parts.filter((part) => fitting.has(part))
    .map(({ text, share }) =>
      share === undefined
        ? text
        : bar(share, Math.min(room, BAR_WIDTH.max), color)
    ).join("  ");
}

function bar(share: number, width: number, color: boolean): string {
  const done = Math.round(share * width);
  const full = "━".repeat(done);
  const rest = "─".repeat(width - done);
  return color
    ? `\x1b[${GREEN}m${full}\x1b[0m\x1b[${GRAY}m${rest}\x1b[0m`
    : full + rest;
}

function standardError(): ProgressOutput {
  const machine = anySystem;
  if (!machine) {
    return {
      isTerminal: false,
      columns: 80,
      color: false,
      write: (text) => console.log(text.trimEnd()),
    };
  }
  const encoder = new TextEncoder();
  return {
    isTerminal: machine.stderr.isTerminal(),
    get columns() {
      return columnsOf(machine);
    },
    color: !machine.noColor,
    write: (text) => void machine.stderr.writeSync(encoder.encode(text)),
  };
}

function columnsOf(machine: System): number {
  try {
    return machine.consoleSize().columns;
  } catch {
    return 80; // there is no terminal to ask
  }
}
