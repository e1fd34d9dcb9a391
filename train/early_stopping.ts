/**
 * Early stopping.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../internal/check.ts";
import type { Callback } from "./callback.ts";
import { valueOf } from "./logs/run_log.ts";
import {
  checkIsNumber,
  type Monitor,
  MONITOR_RULES,
  resolveMonitor,
} from "./monitor.ts";

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
 *   negative. `fit` throws before training if there is no validation data, no such
 *   measure, or its mode is not known.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const action = "use earlyStopping";
  checkOptions("create earlyStopping", options, RULES);
  const { patience = 5, minDelta = 0, monitor = "loss" } = options;
  return {
    check: ({ measures }) => void resolveMonitor(action, options, measures),
    onEvaluation(run, { matrices }) {
      checkIsNumber(action, monitor, matrices);
      const { mode } = resolveMonitor(action, options, run.measures);
      const values = run.log.evaluations.map((record) =>
        valueOf(record, monitor) ?? NaN
      );
      const waited = values.length - 1 - bestOf(values, mode, minDelta);
      if (waited >= patience) {
        run.stop(`no better ${monitor} in ${patience} evaluations`);
      }
    },
  };
}

/** The index of the first best of finite values; -1 if there is none. */
function bestOf(
  values: readonly number[],
  mode: "min" | "max",
  minDelta: number,
): number {
  const sign = mode === "min" ? 1 : -1;
  let best = -1;
  values.forEach((value, i) => {
    const isBetter = best < 0 || sign * value < sign * values[best]! - minDelta;
    if (Number.isFinite(value) && isBetter) best = i;
  });
  return best;
}
