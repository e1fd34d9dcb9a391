/**
 * What to differentiate in: states, arguments, or both.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  boolean,
  check,
  listOf,
  type OptionRules,
} from "../internal/check.ts";
import type { State } from "../state.ts";
import type { Outcome } from "./task.ts";
import { collect, mirror, type StateNest } from "./nest.ts";

/** The options that say what to differentiate in. */
export interface TargetOptions {
  /** The states to differentiate in: a state, or lists and records of states. */
  readonly states?: StateNest;
  /**
   * The index or indices of the arguments to differentiate in. Default: 0
   * without `states`, none with them.
   */
  readonly argnums?: number | readonly number[];
  /**
   * Whether to throw if the function does not read one of the states, rather than
   * return zeros for it. Default: true.
   */
  readonly checkStates?: boolean;
}

/** The rules of {@linkcode TargetOptions}. */
export const TARGET_RULES: OptionRules<TargetOptions> = {
  states: anything,
  argnums: anything,
  checkStates: boolean,
};

/** States and arguments to differentiate in. */
export interface Target {
  /** The states, with their paths in errors. */
  readonly states: ReadonlyMap<State<tf.Tensor>, string>;
  /** The indices of the arguments. */
  readonly argnums: readonly number[];
  /** The gradients in the structure that the options ask for. */
  gradients(outcome: Outcome): unknown;
}

/**
 * Checks `states` and `argnums`.
 *
 * @throws {TypeError} If `states` contains anything but states, or none.
 * @throws {RangeError} If `argnums` are not different indices.
 */
export function resolveTarget(options: TargetOptions): Target {
  const { states } = options;
  const argnums = options.argnums ?? (states === undefined ? 0 : undefined);
  return {
    states: states === undefined ? new Map() : collect(states),
    argnums: toIndices(argnums),
    gradients(outcome) {
      const ofArgs = typeof argnums === "number"
        ? outcome.args[0]
        : outcome.args;
      if (states === undefined) return ofArgs;
      const ofStates = mirror(states, (state) => outcome.states.get(state)!);
      return argnums === undefined ? ofStates : [ofStates, ofArgs];
    },
  };
}

function toIndices(argnums: number | readonly number[] | undefined): number[] {
  if (argnums === undefined) return [];
  const action = "differentiate";
  if (!Array.isArray(argnums)) {
    check(action, "argnums", argnums, "a nonnegative integer");
    return [argnums as number];
  }
  check(action, "argnums", argnums, listOf("a nonnegative integer"));
  if (argnums.length === 0) {
    throw new RangeError("Cannot differentiate: argnums must not be empty");
  }
  if (new Set(argnums).size < argnums.length) {
    throw new RangeError(
      `Cannot differentiate: argnums must differ: current value is [${
        argnums.join(", ")
      }]`,
    );
  }
  return [...argnums];
}
