/**
 * Which measure of the validation data counts, and in which direction.
 *
 * @module
 */
import { oneOf, type OptionRules, refuse, string } from "../internal/check.ts";
import type { EvaluationRecord } from "./logs/run_log.ts";
import type { Mode } from "./measure.ts";

/** A measure, and whether smaller or larger values of it are better. */
export interface Monitor {
  /** The name of the measure; `"loss"` is the validation loss. @default {"loss"} */
  readonly monitor?: string;
  /**
   * Whether smaller or larger values are better. Required unless the measure is
   * `"loss"` (`"min"`), or has a `mode` of its own (see {@linkcode measure}).
   */
  readonly mode?: Mode;
}

/** The rules of {@linkcode Monitor}. */
export const MONITOR_RULES: OptionRules<Monitor> = {
  monitor: string,
  mode: oneOf("min", "max"),
};

/** The measures of the validation data by name, with their modes if known. */
export type Measures = ReadonlyMap<string, Mode | undefined>;

/** The measures of the options of `fit`; none without validation data. */
export function measuresOf(options: {
  readonly validation?: unknown;
  readonly metrics?: Readonly<
    Record<string, { readonly mode?: Mode | undefined }>
  >;
}): Measures {
  if (!options.validation) return new Map();
  const metrics = Object.entries(options.metrics ?? {});
  return new Map<string, Mode | undefined>([
    ["loss", "min"],
    ...metrics.map(([name, { mode }]) => [name, mode] as const),
  ]);
}

/**
 * The name and the mode of a monitored measure.
 *
 * @param action The action in errors.
 * @param monitor The measure, and its mode if it has none of its own.
 * @param measures The measures there are.
 * @param prefix What to write before the names of the options in errors.
 * @throws {TypeError} If there is no validation data.
 * @throws {RangeError} If there is no such measure, or its mode is not known.
 */
export function resolveMonitor(
  action: string,
  { monitor = "loss", mode }: Monitor,
  measures: Measures,
  prefix = "",
): { readonly name: string; readonly mode: Mode } {
  if (measures.size === 0) {
    throw new TypeError(
      `Cannot ${action}: there must be validation data to measure ${
        JSON.stringify(monitor)
      }: give the option validation`,
    );
  }
  checkMeasure(action, `${prefix}monitor`, monitor, measures);
  const known = mode ?? measures.get(monitor);
  if (known === undefined) {
    const rule = `"min" or "max", since the measure ${
      JSON.stringify(monitor)
    } does not say which is better`;
    refuse(action, `${prefix}mode`, rule, mode, TypeError);
  }
  return { name: monitor, mode: known };
}

/**
 * Throw if a measure is a matrix, which is known once it has been computed.
 *
 * @param matrices The measures that are matrices.
 * @throws {TypeError} If `name` is among them.
 */
export function checkIsNumber(
  action: string,
  name: string,
  matrices: EvaluationRecord["matrices"] = {},
): void {
  if (!Object.hasOwn(matrices, name)) return;
  throw new TypeError(
    `Cannot ${action}: the measure that is monitored must be a number: ${
      JSON.stringify(name)
    } is a matrix`,
  );
}

/** Throw unless there is a measure of this name. */
export function checkMeasure(
  action: string,
  option: string,
  name: string,
  measures: Measures,
): void {
  if (measures.has(name)) return;
  refuse(action, option, `one of ${[...measures.keys()].join(", ")}`, name);
}
