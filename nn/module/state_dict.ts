/**
 * State dictionaries: the tensors of a module, by path.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  check,
  checkOptions,
  type OptionRules,
  recordOf,
  tensor,
} from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import { LongTermState, type State, type States } from "../../state.ts";
import type { Named } from "../../tensors.ts";
import type { Module } from "./module.ts";
import { checkModule } from "./module_rule.ts";

/** The paths in which a module and a state dictionary differ. */
export interface IncompatiblePaths {
  /** Paths of the module without a value in the dictionary. */
  readonly missing: readonly string[];
  /** Paths of the dictionary that the module does not have. */
  readonly unexpected: readonly string[];
}

/** Options of {@linkcode loadStateDict}. */
export interface LoadStateDictOptions {
  /** Whether to throw if a path is missing or unexpected. Default: true. */
  readonly strict?: boolean;
}

const RULES: OptionRules<LoadStateDictOptions> = { strict: boolean };

/** The long-term states that hold a tensor. */
function tensorStates(module: Module): [string, State][] {
  const states: States<LongTermState<unknown>> = module.states(LongTermState);
  return Object.entries(states).filter((entry): entry is [string, State] =>
    entry[1].value instanceof tf.Tensor
  );
}

/**
 * The tensors of all long-term states: parameters and running statistics.
 *
 * Checkpoints save files, optimizers and random streams as well.
 *
 * @param module The module to read.
 * @returns Tensors by path, owned by the caller; training does not change them.
 */
export function stateDict(module: Module): Record<string, tf.Tensor> {
  checkModule("read a state dictionary", module);
  return Object.fromEntries(
    tensorStates(module).map(([path, state]) => [path, tf.clone(state.value)]),
  );
}

/**
 * Writes the tensors of {@linkcode stateDict} to a module.
 *
 * Everything is checked before anything is written.
 *
 * @example Usage
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const [a, b] = [new nn.Linear(2, 3), new nn.Linear(2, 3)];
 * nn.loadStateDict(b, nn.stateDict(a));
 * assertEquals(await a.weight.value.data(), await b.weight.value.data());
 * ```
 *
 * @param module The module to write.
 * @param values Tensors by path, still owned by the caller.
 * @param options See {@linkcode LoadStateDictOptions}.
 * @returns The paths that were missing or unexpected.
 * @throws {RangeError} If a shape differs, or, if strict, a path.
 * @throws {TypeError} If a dtype differs.
 */
export function loadStateDict(
  module: Module,
  values: Named<tf.Tensor>,
  options: LoadStateDictOptions = {},
): IncompatiblePaths {
  checkModule("load a state dictionary", module);
  checkOptions("load a state dictionary", options, RULES);
  check("load a state dictionary", "values", values, recordOf(tensor));
  const { strict = true } = options;
  const states = tensorStates(module);
  const known = new Set(states.map(([path]) => path));
  const missing = [...known].filter((path) => !Object.hasOwn(values, path));
  const unexpected = Object.keys(values).filter((path) => !known.has(path));
  if (strict && missing.length + unexpected.length > 0) {
    throw new RangeError(
      `Cannot load ${module.constructor.name}: its paths must be those of the values: missing ${
        JSON.stringify(missing)
      }, unexpected ${JSON.stringify(unexpected)}`,
    );
  }
  const writes = states.filter(([path]) => Object.hasOwn(values, path));
  for (const [path, state] of writes) checkAlike(path, state, values[path]!);
  scope(() => {
    for (const [path, state] of writes) state.value = values[path]!;
  });
  return { missing, unexpected };
}

function checkAlike(path: string, state: State, value: tf.Tensor) {
  if (!tf.util.arraysEqual(state.shape, value.shape)) {
    throw new RangeError(
      `Cannot load "${path}": the shape must be [${
        state.shape.join(", ")
      }]: current shape is [${value.shape.join(", ")}]`,
    );
  }
  if (state.dtype !== value.dtype) {
    throw new TypeError(
      `Cannot load "${path}": the dtype must be ${state.dtype}: current dtype is ${value.dtype}`,
    );
  }
}
