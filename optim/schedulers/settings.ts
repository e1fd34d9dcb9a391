/**
 * The settings of a scheduler: fields that its options set.
 *
 * @module
 */
import { anything, checkOptions, type Rule } from "../../internal/check.ts";
import type { LRScheduler, LRSchedulerOptions } from "./scheduler.ts";

/** Options that set the fields `K` of a scheduler, and those of all schedulers. */
export type SchedulerOptions<S, K extends keyof S> =
  & LRSchedulerOptions
  & { readonly [P in K]?: S[P] | undefined };

/** Checked by {@linkcode LRScheduler} itself. */
const BASE = { baseLr: anything, lastEpoch: anything };

/**
 * Set fields of `scheduler` to the options that are given; lists are copied.
 *
 * @param scheduler Its fields hold the defaults.
 * @param options Those of `rules`, and those of all schedulers.
 * @param rules What each setting must be.
 * @param others Further options, which the class checks and sets itself.
 */
export function configure<K extends string>(
  scheduler: LRScheduler,
  options: { readonly [P in NoInfer<K>]?: unknown },
  rules: { readonly [P in K]: Rule },
  others: readonly string[] = [],
): void {
  const action = `create ${scheduler.constructor.name}`;
  const all: Readonly<Record<string, Rule>> = {
    ...BASE,
    ...Object.fromEntries(others.map((name) => [name, anything])),
    ...rules,
  };
  checkOptions<Readonly<Record<string, unknown>>>(action, { ...options }, all);
  for (const name in rules) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    const field = Array.isArray(value) ? [...value] : value;
    Object.assign(scheduler, { [name]: field });
  }
}
