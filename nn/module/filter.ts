/**
 * Filters select states of a model.
 *
 * @module
 */
import { refuse } from "../../internal/check.ts";
import { type AnyState, State } from "../../state.ts";

/** A class of states, which also selects its subclasses. */
export type StateClass<S extends AnyState = AnyState> = abstract new (
  ...args: never[]
) => S;

/** Whether the state at `path` is selected. */
export type StatePredicate = (path: string, state: AnyState) => boolean;

/** A predicate that selects states of one class only. */
export type StateGuard<S extends AnyState> = (
  path: string,
  state: AnyState,
) => state is S;

/**
 * Selects states: a class such as `ParamState`, a tag, or a predicate of
 * path and state.
 */
export type Filter<S extends AnyState = AnyState> =
  | StateClass<S>
  | string
  | StatePredicate;

/**
 * The predicate equivalent to `filter`.
 *
 * @param filter A class, a tag or a predicate.
 * @returns Whether a state is selected.
 * @throws {TypeError} If it is none of these.
 */
export function toPredicate(filter: Filter): StatePredicate {
  if (typeof filter === "string") return (_, state) => state.tags.has(filter);
  if (typeof filter !== "function") {
    const is = "a class of states, a tag or a predicate";
    refuse("select states", "a filter", is, filter, TypeError);
  }
  if (isStateClass(filter)) return (_, state) => state instanceof filter;
  return filter as StatePredicate;
}

function isStateClass(x: Filter): x is StateClass {
  return x === State || (x as StateClass).prototype instanceof State;
}

/**
 * Selects the states that `filter` does not.
 *
 * @param filter The filter.
 * @returns Its complement.
 */
export function not(filter: Filter): StatePredicate {
  const predicate = toPredicate(filter);
  return (path, state) => !predicate(path, state);
}

/**
 * Selects the states that at least one of `filters` does; without filters, none.
 *
 * @param filters The filters.
 * @returns Their union.
 */
export function any(...filters: readonly Filter[]): StatePredicate {
  const predicates = filters.map(toPredicate);
  return (path, state) => predicates.some((test) => test(path, state));
}

/**
 * Selects the states that each of `filters` does; without filters, all.
 *
 * @example Parameters of one part of a model
 * ```ts
 * import { nn, optim, ParamState, useBackend } from "@braintape/braintape";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
 * const head = nn.all(ParamState, (path) => path.startsWith("layers.1."));
 * new optim.SGD({ lr: 0.1 }).registerTrainableWeights(model.states(head));
 * ```
 *
 * @param filters The filters.
 * @returns Their intersection.
 */
export function all<S extends AnyState>(
  first: StateClass<S>,
  ...others: readonly Filter[]
): StateGuard<S>;
/** Selects the states that each of `filters` does. */
export function all(...filters: readonly Filter[]): StatePredicate;
export function all(...filters: readonly Filter[]): StatePredicate {
  const predicates = filters.map(toPredicate);
  return (path, state) => predicates.every((test) => test(path, state));
}
