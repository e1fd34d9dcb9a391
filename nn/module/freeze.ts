/**
 * Frozen parameters, which training does not change.
 *
 * @module
 */
import { type AnyState, ParamState, type States } from "../../state.ts";
import { type Filter, toPredicate } from "./filter.ts";
import type { Module } from "./module.ts";
import { checkModule } from "./module_rule.ts";

/** A filter that selects frozen parameters; `not(frozen)` selects all other states. */
export function frozen(_path: string, state: AnyState): boolean {
  return state instanceof ParamState && state.frozen;
}

/**
 * Freezes parameters: optimizers do not change them from the next step on, and
 * {@linkcode trainable} leaves them out.
 *
 * `states(ParamState)` still has them, so that checkpoints are complete, and layers
 * compute as before.
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
 * @param module The module that contains them.
 * @param which The path of a parameter or of a module inside, or a filter other than
 * a tag. Default: all parameters.
 * @throws {RangeError} If it selects no parameter.
 */
export function freeze(
  module: Module,
  which?: string | Exclude<Filter, string>,
): void {
  for (const state of selected("freeze", module, which)) {
    state.frozen = true;
  }
}

/**
 * Undoes {@linkcode freeze}.
 *
 * @param module The module that contains them.
 * @param which As for `freeze`.
 * @throws {RangeError} If it selects no parameter.
 */
export function unfreeze(
  module: Module,
  which?: string | Exclude<Filter, string>,
): void {
  for (const state of selected("unfreeze", module, which)) {
    state.frozen = false;
  }
}

/**
 * The parameters that are not frozen, by path, for `grad` and
 * `registerTrainableWeights`.
 *
 * @param module The module that contains them.
 */
export function trainable(module: Module): States<ParamState> {
  checkModule("list parameters", module);
  const params = Object.entries(module.states(ParamState));
  return Object.fromEntries(params.filter(([, state]) => !state.frozen));
}

function selected(
  action: string,
  module: Module,
  which: string | Exclude<Filter, string> = () => true,
): ParamState[] {
  checkModule(action, module);
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
