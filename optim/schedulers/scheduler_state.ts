/**
 * The state of a scheduler, as plain data.
 *
 * @module
 */
import {
  check,
  listOf,
  nonemptyListOf,
  orNull,
  refuse,
} from "../../internal/check.ts";

/** What a rate, and an epoch, must be. */
export const RATE = "a nonnegative finite number";

/** Plain data, as JSON and msgpack write it. */
export type SchedulerData =
  | number
  | string
  | boolean
  | null
  | readonly SchedulerData[]
  | { readonly [key: string]: SchedulerData };

/** The state of a scheduler, as plain data. */
export interface SchedulerState {
  /** The epoch of the rate that is applied next. */
  readonly lastEpoch: number;
  /** One base rate per parameter group. */
  readonly baseLrs: readonly number[];
  /** Rates that `apply` has put in place of the schedule's; else `null`. */
  readonly appliedLrs: readonly number[] | null;
  /** Further state of some classes. */
  readonly [key: string]: SchedulerData;
}

/** Throw unless `state` is one of any scheduler. */
export function checkState(action: string, state: SchedulerState): void {
  if (typeof state !== "object" || state === null) {
    refuse(action, "the state", "an object", state, TypeError);
  }
  const { lastEpoch, baseLrs, appliedLrs, scheduledLrs } = state;
  check(action, "lastEpoch", lastEpoch, RATE);
  check(action, "baseLrs", baseLrs, nonemptyListOf(RATE));
  check(action, "appliedLrs", appliedLrs, orNull(listOf(RATE)));
  if (appliedLrs === null) return;
  check(action, "scheduledLrs", scheduledLrs, listOf(RATE));
  const lists = { appliedLrs, scheduledLrs: scheduledLrs as number[] };
  for (const [name, list] of Object.entries(lists)) {
    if (list.length === baseLrs.length) continue;
    const rule = `a list with one rate per base rate (${baseLrs.length})`;
    refuse(action, name, rule, list);
  }
}
