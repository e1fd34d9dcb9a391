/**
 * The default stream, and the checks of all draws.
 *
 * @module
 */
import { check, listOf, type OptionRules } from "../internal/check.ts";
import { RandomState, stream } from "./state.ts";

/** The stream that everything draws from by default; it begins with seed 0. */
export const defaultState: RandomState = new RandomState(0);

/** The option that all draws share. */
export interface DrawOptions {
  /** The stream to draw from. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode DrawOptions}. */
export const DRAW_RULES: OptionRules<DrawOptions> = { random: stream };

/** Throws unless `shape` is a list of sizes. */
export function checkShape(action: string, shape: readonly number[]): void {
  check(action, "shape", shape, listOf("a nonnegative integer"));
}
