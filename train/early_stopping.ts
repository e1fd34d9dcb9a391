/**
 * Stopping when a measure no longer gets better.
 *
 * @module
 */
import type { Callback } from "./callback.ts";
import type { EvaluationRecord } from "./logs/run_log.ts";

/** Which measure counts, and whether it should fall or rise. */
export interface Monitor {
  /** The name of the measure; `"loss"` is the validation loss. @default {"loss"} */
  readonly monitor?: string;
  /** Whether smaller or larger is better. Default: "min" for `"loss"`, else "max". */
  readonly mode?: "min" | "max";
}

/** Options of {@linkcode earlyStopping}. */
export interface EarlyStoppingOptions extends Monitor {
  /** How many evaluations may pass without a better one. @default {5} */
  readonly patience?: number;
  /** By how much a better one must be better. @default {0} */
  readonly minDelta?: number;
}

/**
 * Stop training when an evaluation has not been better than the best for
 * `patience` evaluations in a row. NaN is never better.
 *
 * It looks at the log alone, so a resumed run stops where the uninterrupted one
 * would have.
 *
 * @param options See {@linkcode EarlyStoppingOptions}.
 * @returns A callback for `fit`.
 * @throws {RangeError} If `patience` is not a positive integer, or `minDelta` is
 *   negative.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { patience = 5, minDelta = 0 } = options;
  const monitor = options.monitor ?? "loss";
  if (!Number.isSafeInteger(patience) || patience < 1) {
    throw new RangeError(
      `Cannot create earlyStopping: patience must be a positive integer: current value is ${patience}`,
    );
  }
  if (!(minDelta >= 0)) {
    throw new RangeError(
      `Cannot create earlyStopping: minDelta must be at least 0: current value is ${minDelta}`,
    );
  }
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
 * The place of the best evaluation; -1 if none has a finite value.
 *
 * @param evaluations Oldest first.
 * @param options Which measure counts.
 * @param minDelta By how much a better one must be better.
 * @returns An index; of equals, the first.
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
      throw new RangeError(
        `Cannot watch a measure: monitor must be one of ${
          Object.keys(values).join(", ")
        }: current value is ${JSON.stringify(name)}`,
      );
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
