/**
 * Running means of updates.
 *
 * @module
 */
import {
  boolean,
  check,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import { elementwise } from "./elementwise.ts";
import { runningMean } from "./moments.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode ema}. */
export interface EmaOptions {
  /** Whether to divide by `1 - βᵗ`, since the mean starts at 0. Default: true. */
  readonly debias?: boolean | undefined;
}

const RULES: OptionRules<EmaOptions> = { debias: boolean };

/**
 * The exponential moving average of updates in place of them.
 *
 * ```text
 * m ← β m + (1 - β) g      u = m / (1 - βᵗ), or without `debias` m
 * ```
 *
 * As `optax.ema`. The average of parameters is `train.ExponentialMovingAverage`.
 *
 * @param decay The share β of the old mean that each update keeps.
 * @param options See {@linkcode EmaOptions}.
 * @returns The transformation.
 */
export function ema(
  decay: number,
  options: EmaOptions = {},
): GradientTransformation {
  check("create ema", "decay", decay, "in [0, 1)");
  checkOptions("create ema", options, RULES);
  const { debias = true } = options;
  return elementwise({
    slots: { mean: 0 },
    scalars: { correction: ({ t }) => debias ? 1 - decay ** t : 1 },
    update({ update, mean }, { correction }) {
      mean = runningMean(mean, update, decay);
      return { update: mean.div(correction), mean };
    },
  });
}
