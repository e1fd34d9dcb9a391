/**
 * The progress bar.
 *
 * @module
 */
import { anything, checkOptions, type OptionRules } from "../../check.ts";
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

const BAR_WIDTH = 20;
const GRAY = "90";
const GREEN = "32";

/**
 * Show the progress of training: steps, steps per second, time left, loss, learning
 * rate, and the last evaluation.
 *
 * On a terminal it is one line that is redrawn, without colors if the environment
 * variable `NO_COLOR` is set. Elsewhere (a file, a pipe) it is a line of text for
 * each evaluation, and every ten seconds in between.
 *
 * @param options See {@linkcode ProgressOptions}.
 * @returns A callback for `fit`.
 */
export function progressBar(options: ProgressOptions = {}): Callback {
  checkOptions("create progressBar", options, RULES);
  const { interval = 0.1, plainInterval = 10 } = options;
  const output = options.output ?? standardError();
  let last = -Infinity;
  let drawn = false;
  let values: EvaluationRecord["values"] = {};
  let record: StepRecord | undefined;

  const due = (now: number) =>
    now - last >= 1000 * (output.isTerminal ? interval : plainInterval);
  const draw = (run: Run) => {
    const line = format(run, record, values, output);
    // Erasing after the text, not before it, avoids flicker.
    output.write(output.isTerminal ? `\r${line}\x1b[K` : `${line}\n`);
    drawn = output.isTerminal;
    last = performance.now();
  };

  return {
    onStart(run) {
      last = performance.now();
      values = run.log.evaluations.at(-1)?.values ?? {};
    },
    onLog(run, next) {
      record = next;
      if (due(performance.now())) draw(run);
    },
    onEvaluation(run, evaluation) {
      values = evaluation.values;
      draw(run);
    },
    onEnd(run) {
      if (output.isTerminal) draw(run);
      if (drawn) output.write("\n");
    },
  };
}

function format(
  run: Run,
  record: StepRecord | undefined,
  values: EvaluationRecord["values"],
  { isTerminal, columns, color }: ProgressOutput,
): string {
  const paint = (code: string, text: string) =>
    color && isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text;
  const parts: [text: string, painted?: string][] = [];
  const { epochs, totalSteps, step } = run;
  if (epochs !== undefined && epochs > 1) {
    // The epoch of the last step: 2 until the second epoch has ended.
    const { epoch = 0 } = run.log.steps.at(-1) ?? {};
    const current = Math.max(run.epoch, Math.ceil(epoch - 1e-9), 1);
    parts.push([`epoch ${Math.min(current, epochs)}/${epochs}`]);
  }
  if (totalSteps !== undefined) {
    const share = Math.min(1, step / totalSteps);
    const done = Math.round(share * BAR_WIDTH);
    if (isTerminal) {
      const full = "━".repeat(done);
      const rest = "─".repeat(BAR_WIDTH - done);
      parts.push([full + rest, paint(GREEN, full) + paint(GRAY, rest)]);
    }
    parts.push([`${step}/${totalSteps}`]);
  } else {
    parts.push([`step ${step}`]);
  }
  if (record !== undefined) {
    parts.push([`${formatNumber(record.rate)} it/s`]);
    if (totalSteps !== undefined && record.rate > 0 && step < totalSteps) {
      const left = (totalSteps - step) / record.rate;
      parts.push([`ETA ${formatDuration(left)}`]);
    }
    parts.push([`loss ${formatNumber(record.loss)}`]);
    parts.push([`lr ${formatNumber(record.lr)}`]);
  }
  for (const [name, value] of Object.entries(values)) {
    const label = name === "loss" ? "val loss" : name;
    parts.push([`${label} ${formatNumber(value)}`]);
  }
  // Parts that do not fit are left out: a line that wraps cannot be redrawn.
  let width = 0;
  const fitting = parts.filter(([text]) => {
    const next = width + text.length + 2;
    if (isTerminal && next > columns) return false;
    width = next;
    return true;
  });
  return fitting.map(([text, painted]) => painted ?? text).join("  ");
}

function standardError(): ProgressOutput {
  if (typeof Deno === "undefined") {
    return {
      isTerminal: false,
      columns: 80,
      color: false,
      write: (text) => console.log(text.trimEnd()),
    };
  }
  const encoder = new TextEncoder();
  return {
    isTerminal: Deno.stderr.isTerminal(),
    get columns() {
      return consoleColumns();
    },
    color: !Deno.noColor,
    write: (text) => void Deno.stderr.writeSync(encoder.encode(text)),
  };
}

function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80; // there is no terminal to ask
  }
}
