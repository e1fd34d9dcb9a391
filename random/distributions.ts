/**
 * The parameters of distributions, and their checks.
 *
 * @module
 */
import { checkOptions, type OptionRules, refuse } from "../internal/check.ts";
import type { DrawOptions } from "./default.ts";

/** Options of {@linkcode uniform}. */
export interface UniformOptions extends DrawOptions {
  /** The lower bound. Default: 0. */
  readonly min?: number;
  /** The upper bound. Default: 1. */
  readonly max?: number;
}

/** Options of {@linkcode normal}. */
export interface NormalOptions extends DrawOptions {
  /** The mean. Default: 0. */
  readonly mean?: number;
  /** The standard deviation. Default: 1. */
  readonly std?: number;
}

/** Options of {@linkcode truncatedNormal}. */
export interface TruncatedNormalOptions extends NormalOptions {
  /** The lower bound, in standard deviations from the mean. Default: -2. */
  readonly lower?: number;
  /** The upper bound, in standard deviations from the mean. Default: 2. */
  readonly upper?: number;
}

const NORMAL: OptionRules<Omit<NormalOptions, "random">> = {
  mean: "a finite number",
  std: "a nonnegative finite number",
};
const UNIFORM: OptionRules<Omit<UniformOptions, "random">> = {
  min: "a finite number",
  max: "a finite number",
};
const TRUNCATED_NORMAL: OptionRules<
  Omit<TruncatedNormalOptions, "random">
> = {
  ...NORMAL,
  lower: "a number",
  upper: "a number",
};
/** The name of a distribution with parameters. */
export type Distribution = "normal" | "uniform" | "truncatedNormal";

const RULES = {
  normal: NORMAL,
  uniform: UNIFORM,
  truncatedNormal: TRUNCATED_NORMAL,
};

/** Throws unless `options` are parameters of the distribution, or have `extra` rules. */
export function checkDistribution(
  action: string,
  distribution: Distribution,
  options: UniformOptions & TruncatedNormalOptions,
  extra: Partial<OptionRules<DrawOptions>> = {},
): void {
  checkOptions<object>(action, options, { ...RULES[distribution], ...extra });
  const { min = 0, max = 1, lower = -2, upper = 2 } = options;
  if (!(min <= max)) refuse(action, "min", `at most max, ${max}`, min);
  if (!(lower < upper)) refuse(action, "lower", `below upper, ${upper}`, lower);
}
