/**
 * The progress bar.
 *
 * @module
 */
import {
  anything,
  callable,
  check,
  checkObject,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import type { Callback, Run } from "../callback.ts";
import {
  fitted,
  lastingFields,
  liveFields,
  plain,
  plainFields,
  wrapped,
} from "./fields.ts";
import { isNotebook, notebookDisplay } from "./notebook.ts";
import { type ProgressOutput, standardError } from "./output.ts";
import type { EvaluationRecord, StepRecord } from "./run_log.ts";

/** Options of {@linkcode progressBar}. */
export interface ProgressOptions {
  /** The output. Default: standard error; the console in a browser. */
  readonly output?: ProgressOutput;
  /** Seconds between two updates. Default: 0.1 on a terminal, 1 in a notebook. */
  readonly interval?: number;
  /** Seconds between two lines elsewhere, besides evaluations. @default {10} */
  readonly plainInterval?: number;
}

const RULES: OptionRules<ProgressOptions> = {
  output: anything,
  interval: "a nonnegative finite number",
  plainInterval: "a nonnegative finite number",
};

/**
 * Show the progress of training: steps, steps per second, time left, loss, learning
 * rate, and the last evaluation.
 *
 * Each epoch and each evaluation leaves a line. That of an epoch has its training loss,
 * which is the mean over its steps; other lines have that of the steps since the last
 * record of the log. `val` names measures of the validation data, `train` those of the
 * option `trainingSample` of `fit`.
 *
 * On a terminal there is also a line with a bar that is redrawn; of it, what does not
 * fit the terminal is left out: the bar first, the losses last. Lines that stay have
 * everything, and go on in a second line where they are too long. Colors are left out if
 * the environment variable `NO_COLOR` is set.
 *
 * In a notebook of Deno's Jupyter kernel it is {@linkcode notebookDisplay}.
 *
 * Elsewhere (a file, a pipe, a terminal if the environment variable `CI` is set and may be
 * read, a browser's console) it is one line of text for each epoch and evaluation, every ten
 * seconds in between, and at the end, without control characters.
 *
 * @param options See {@linkcode ProgressOptions}.
 * @returns A callback for `fit`.
 */
export function progressBar(options: ProgressOptions = {}): Callback {
  checkOptions("create progressBar", options, RULES);
  if (options.output !== undefined) {
    const { output } = options;
    checkObject("create progressBar", output, "output");
    check("create progressBar", "output.write", output.write, callable);
  }
  const { interval = 0.1, plainInterval = 10 } = options;
  if (!options.output && isNotebook()) {
    return notebookDisplay(
      options.interval === undefined ? {} : { interval: options.interval },
    );
  }
  const output = options.output ?? standardError();
  const { isTerminal } = output;
  let last = -Infinity;
  /** Whether the current line of the terminal is to be redrawn. */
  let open = false;
  /** The step, the epoch and the loss of the last line that was left. */
  let left: { step: number; epoch: number; loss?: number | undefined } = {
    step: -1,
    epoch: 0,
  };
  let evaluation: EvaluationRecord | undefined;
  let record: StepRecord | undefined;

  /** Write a line that stays, unless there is one of this step. */
  const leave = async (run: Run) => {
    const { step, epoch } = run;
    if (left.step === step && !open) return;
    const loss = epoch > left.epoch
      ? run.epochLoss
      : step === left.step
      ? left.loss
      : await run.loss();
    const shown = { record, loss, evaluation };
    if (isTerminal) {
      // Erasing after the text, not before it, avoids flicker.
      output.write(
        "\r" +
          wrapped(lastingFields(run, shown), output.columns)
            .map((line) => `${line}\x1b[K\n`).join(""),
      );
    } else output.write(`${plain(plainFields(run, shown))}\n`);
    last = performance.now();
    left = { step, epoch, loss };
    open = false;
  };

  return {
    onStart(run) {
      last = performance.now();
      left = { step: -1, epoch: run.epoch };
      evaluation = run.log.evaluations.at(-1);
      record = run.log.steps.at(-1);
    },
    async onLog(run, next) {
      record = next;
      const seconds = isTerminal ? interval : plainInterval;
      const isDue = performance.now() - last >= 1000 * seconds;
      if (!isDue || left.step === run.step) return;
      if (!isTerminal) return await leave(run);
      const fields = liveFields(run, { record, loss: next.loss, evaluation });
      output.write(`\r${fitted(fields, output.columns, output.color)}\x1b[K`);
      last = performance.now();
      open = true;
    },
    async onEvaluation(run, next) {
      evaluation = next;
      // A line of this step that was left before lacks the evaluation.
      open = true;
      // With the last batch of an epoch, its end will leave the line.
      const endsEpoch = Number.isInteger(next.epoch) && next.epoch > run.epoch;
      if (!endsEpoch) await leave(run);
    },
    onEpoch: leave,
    onEnd: leave,
  };
}
