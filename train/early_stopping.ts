/**
 * Early stopping.
 *
 * @module
 */
import {
  checkOptions,
  oneOf,
  type OptionRules,
  refuse,
  string,
} from "../check.ts";
import type { Callback } from "./callback.ts";
import type { EvaluationRecord } from "./logs/run_log.ts";

/** A measure, and whether smaller or larger values of it are better. */
export interface Monitor {
  /** The name of the measure; `"loss"` is the validation loss. @default {"loss"} */
  readonly monitor?: string;
  /** Whether smaller or larger is better. Default: "min" for `"loss"`, else "max". */
  readonly mode?: "min" | "max";
}

/** The rules of {@linkcode Monitor}. */
export const MONITOR_RULES: OptionRules<Monitor> = {
  monitor: string,
  mode: oneOf("min", "max"),
};

/** Options of {@linkcode earlyStopping}. */
export interface EarlyStoppingOptions extends Monitor {
  /** The number of evaluations to wait for a better one. @default {5} */
  readonly patience?: number;
  /** The smallest change that counts as better. @default {0} */
  readonly minDelta?: number;
}

const RULES: OptionRules<EarlyStoppingOptions> = {
  ...MONITOR_RULES,
  patience: "a positive integer",
  minDelta: "a nonnegative finite number",
};

/**
 * Stop training after `patience` evaluations in a row without a better one than
 * the best. NaN is never better.
 *
 * It depends on the log only, so a resumed run stops at the same step as an
 * uninterrupted one.
 *
 * @param options See {@linkcode EarlyStoppingOptions}.
 * @returns A callback for `fit`.
 * @throws {RangeError} If `patience` is not a positive integer, or `minDelta` is
 *   negative.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  checkOptions("create earlyStopping", options, RULES);
  const { patience = 5, minDelta = 0, monitor = "loss" } = options;
  return {
    onEvaluation(run) {
      const { evaluations } = run.log;
      const best = bestOf(evaluations, options, minDelta);
      const bad = evaluations.length - 1 - best;
      if (bad >= patience) {
        run.stop(`no better ${monitor} in ${patience} evaluations`);
      }
    },
  };
}

/**
 * The index of the best evaluation; -1 if none has a finite value.
 *
 * @param evaluations The evaluations, oldest first.
 * @param options The measure to compare by.
 * @param minDelta The smallest change that counts as better.
 * @returns An index; of equal ones, the first.
 * @throws {RangeError} If an evaluation does not have the measure.
 */
export function bestOf(
  evaluations: readonly EvaluationRecord[],
  options: Monitor,
  minDelta = 0,
): number {
  const name = options.monitor ?? "loss";
  const sign = modeOf(options) === "min" ? 1 : -1;
  let best = -1;
  let bestValue = Infinity;
  evaluations.forEach(({ values }, i) => {
    const value = values[name];
    if (value === undefined) {
      const names = Object.keys(values).join(", ");
      refuse("compare evaluations", "monitor", `one of ${names}`, name);
    }
    if (Number.isFinite(value) && sign * value < bestValue - minDelta) {
      best = i;
      bestValue = sign * value;
    }
  });
  return best;
}

/** Whether smaller or larger values of the measure are better. */
export function modeOf({ monitor = "loss", mode }: Monitor): "min" | "max" {
  return mode ?? (monitor === "loss" ? "min" : "max");
}
