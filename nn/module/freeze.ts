/**
 * Freezing: parameters that training leaves alone.
 *
 * @module
 */
import { type AnyState, ParamState, type States } from "../../state.ts";
import { type Filter, toPredicate } from "./filter.ts";
import type { Module } from "./module.ts";

const frozenParams: WeakSet<ParamState> = new WeakSet();

/** Selects what is frozen; `not(frozen)` what is not. */
export function frozen(_path: string, state: AnyState): boolean {
  return state instanceof ParamState && frozenParams.has(state);
}

/**
 * Freeze parameters: {@linkcode trainable} leaves them out.
 *
 * Nothing else changes: `states(ParamState)` has them still, so that checkpoints
 * are complete, and layers compute as before.
 *
 * @example Usage
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Linear(8, 2));
 * nn.freeze(model, "layers.0");
 * assertEquals(Object.keys(nn.trainable(model)), [
 *   "layers.1.weight",
 *   "layers.1.bias",
 * ]);
 * ```
 *
 * @param module What they are in.
 * @param which A path, of a parameter or of a module that holds some; or a filter
 * that is no tag. Default: all.
 * @throws {RangeError} If it selects none.
 */
export function freeze(
  module: Module,
  which?: string | Exclude<Filter, string>,
): void {
  for (const state of selected("freeze", module, which)) {
    frozenParams.add(state);
  }
}

/**
 * Undo {@linkcode freeze}.
 *
 * @param module What they are in.
 * @param which As for `freeze`.
 * @throws {RangeError} If it selects none.
 */
export function unfreeze(
  module: Module,
  which?: string | Exclude<Filter, string>,
): void {
  for (const state of selected("unfreeze", module, which)) {
    frozenParams.delete(state);
  }
}

/**
 * The parameters that are not frozen, by path: what goes into `grad` and into
 * `registerTrainableWeights`.
 *
 * @param module What they are in.
 */
export function trainable(module: Module): States<ParamState> {
  const params = Object.entries(module.states(ParamState));
  return Object.fromEntries(
    params.filter(([, state]) => !frozenParams.has(state)),
  );
}

function selected(
  action: string,
  module: Module,
  which: string | Exclude<Filter, string> = () => true,
): ParamState[] {
  const test = typeof which === "string"
    ? (path: string) => path === which || path.startsWith(`${which}.`)
    : toPredicate(which);
  const params = Object.entries(module.states(ParamState))
    .filter(([path, state]) => test(path, state))
    .map(([, state]) => state);
  if (params.length === 0) {
    throw new RangeError(
      `Cannot ${action}: ${
        typeof which === "string" ? `"${which}"` : "the filter"
      } selects no parameter of ${module.constructor.name}`,
    );
  }
  return params;
}
