/**
 * The default stream.
 *
 * @module
 */
import { RandomState } from "./state.ts";

/** The state that everything draws from unless told otherwise; seed 0 at first. */
export const defaultState: RandomState = new RandomState(0);

/** The option that all draws share. */
export interface DrawOptions {
  /** Where to draw from. Default: the default state. */
  readonly random?: RandomState;
}
