/**
 * The state of the loop of {@linkcode fit} in a checkpoint.
 *
 * @module
 */
import {
  check,
  listOf,
  type NumberRule,
  recordOf,
  refuse,
  rule,
  string,
} from "../internal/check.ts";
import { type RandomKey, RandomState } from "../random.ts";
import type { LogLength } from "./history.ts";
import type { Losses } from "./logs/recorder.ts";
import { checkLossScale, type LossScaleState } from "./loss_scale.ts";

/** The state of the loop, as plain data. */
export interface ProgressState {
  /** Steps taken. */
  readonly step: number;
  /** Whole epochs done. */
  readonly epoch: number;
  /** Batches of the current epoch. */
  readonly batch: number;
  /** Steps that were skipped. */
  readonly skipped?: number;
  /** Seconds of training. */
  readonly time: number;
  /** Losses that have not been logged yet. */
  readonly losses: readonly number[];
  /** The records in the history that come before. */
  readonly history?: LogLength;
  /** The losses of the current epoch, added up. */
  readonly epochLosses?: Losses;
  /** The scale of the loss, of a run that was in mixed precision last or before. */
  readonly lossScale?: LossScaleState;
  /** The random streams of the ranks, of a run of several. */
  readonly streams?: readonly RandomKey[];
  /** The log itself, in files of version 0.1.0. */
  readonly log?: string;
}

const randomKey = rule("the key of a random stream", (x) => {
  try {
    return new RandomState(x as RandomKey).value.offset >= 0;
  } catch {
    return false;
  }
});

const NUMBERS: Readonly<Record<string, NumberRule>> = {
  step: "a nonnegative integer",
  epoch: "a nonnegative integer",
  batch: "a nonnegative integer",
  time: "a nonnegative finite number",
};

/** Throw unless `value` is a state of the loop. */
export function checkProgress(value: unknown): asserts value is ProgressState {
  const action = "resume training";
  const state = value as ProgressState;
  if (typeof state !== "object" || state === null || Array.isArray(state)) {
    refuse(action, "progress", "a record", value, TypeError);
  }
  for (const [name, rule] of Object.entries(NUMBERS)) {
    const own = Object.hasOwn(state, name)
      ? (state as unknown as Record<string, unknown>)[name]
      : undefined;
    check(action, `progress.${name}`, own, rule);
  }
  check(action, "progress.losses", state.losses, listOf("a number"));
  const { skipped, history, log, lossScale, epochLosses, streams } = state;
  if (lossScale !== undefined) {
    checkLossScale(action, "progress.lossScale", lossScale);
  }
  if (skipped !== undefined) {
    check(action, "progress.skipped", skipped, "a nonnegative integer");
  }
  if (history !== undefined) {
    const rule = recordOf("a nonnegative integer");
    check(action, "progress.history", history, rule);
    const { steps, evaluations } = history;
    check(action, "progress.history.steps", steps, "a nonnegative integer");
    const name = "progress.history.evaluations";
    check(action, name, evaluations, "a nonnegative integer");
  }
  if (epochLosses !== undefined) {
    const name = "progress.epochLosses";
    check(action, name, epochLosses, recordOf("a number"));
    const { sum, count } = epochLosses;
    check(action, `${name}.sum`, sum, "a number");
    check(action, `${name}.count`, count, "a nonnegative integer");
  }
  if (streams !== undefined) {
    check(action, "progress.streams", streams, listOf(randomKey));
  }
  if (log !== undefined) check(action, "progress.log", log, string);
}
