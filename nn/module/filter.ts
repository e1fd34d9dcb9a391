/**
 * Filters: which states of a model are meant.
 *
 * @module
 */
import { type AnyState, State } from "../../state.ts";

/** A class of states, which also selects its subclasses. */
export type StateClass<S extends AnyState = AnyState> = abstract new (
  ...args: never[]
) => S;

/** Whether the state at `path` is meant. */
export type StatePredicate = (path: string, state: AnyState) => boolean;

/**
 * What selects states: a class such as `ParamState`, a tag, or a predicate of
 * path and state.
 */
export type Filter<S extends AnyState = AnyState> =
  | StateClass<S>
  | string
  | StatePredicate;

/**
 * The predicate that `filter` stands for.
 *
 * @param filter A class, a tag or a predicate.
 * @returns Whether the state at a path is meant.
 * @throws {TypeError} If it is none of these.
 */
export function toPredicate(filter: Filter): StatePredicate {
  if (typeof filter === "string") return (_, state) => state.tags.has(filter);
  if (typeof filter !== "function") {
    throw new TypeError(
      `Cannot select states: a filter must be a class of states, a tag or a predicate: current value is ${filter}`,
    );
  }
  if (isStateClass(filter)) return (_, state) => state instanceof filter;
  return filter as StatePredicate;
}

function isStateClass(x: Filter): x is StateClass {
  return x === State || (x as StateClass).prototype instanceof State;
}

/**
 * Selects what `filter` does not.
 *
 * @param filter What not to select.
 * @returns The opposite predicate.
 */
export function not(filter: Filter): StatePredicate {
  const predicate = toPredicate(filter);
  return (path, state) => !predicate(path, state);
}

/**
 * Selects what at least one of `filters` does; none of them selects nothing.
 *
 * @param filters The alternatives.
 * @returns Their union.
 */
export function any(...filters: readonly Filter[]): StatePredicate {
  const predicates = filters.map(toPredicate);
  return (path, state) => predicates.some((test) => test(path, state));
}

/**
 * Selects what each of `filters` does; none of them selects everything.
 *
 * @param filters The conditions.
 * @returns Their intersection.
 */
export function all(...filters: readonly Filter[]): StatePredicate {
  const predicates = filters.map(toPredicate);
  return (path, state) => predicates.every((test) => test(path, state));
}
