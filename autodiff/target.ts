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
  refuse,
} from "../internal/check.ts";
import type { State } from "../state.ts";
import type { Outcome } from "./task.ts";
import { checkLike, collect, match, mirror, type StateNest } from "./nest.ts";

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
  gradients(outcome: Pick<Outcome, "states" | "args">): unknown;
  /**
   * The tensors in `tangents`, which has the structure of the gradients: those of
   * states, then those of arguments, which have `shapes`.
   */
  tangents(
    tangents: unknown,
    shapes: readonly (readonly number[])[],
  ): tf.Tensor[];
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
    tangents(tangents, shapes) {
      const name = "tangents";
      if (states === undefined) {
        return ofArguments(argnums!, tangents, shapes, name);
      }
      if (argnums === undefined) return ofStates(states, tangents, name);
      checkList(tangents, 2, name);
      return [
        ...ofStates(states, tangents[0], `${name}[0]`),
        ...ofArguments(argnums, tangents[1], shapes, `${name}[1]`),
      ];
    },
  };
}

const PUSH = "push forward";

/** The tangents of states. */
function ofStates(
  states: StateNest,
  given: unknown,
  name: string,
): tf.Tensor[] {
  const found = match(PUSH, states, given, name);
  return [...collect(states).keys()].map((state) => found.get(state)!);
}

/** The tangents of arguments, which have `shapes`. */
function ofArguments(
  argnums: number | readonly number[],
  given: unknown,
  shapes: readonly (readonly number[])[],
  name: string,
): tf.Tensor[] {
  if (typeof argnums === "number") {
    checkLike(PUSH, name, given, shapes[0]!);
    return [given];
  }
  checkList(given, argnums.length, name);
  return shapes.map((shape, k) => {
    const x = given[k];
    checkLike(PUSH, `${name}[${k}]`, x, shape);
    return x;
  });
}

function checkList(
  x: unknown,
  length: number,
  name: string,
): asserts x is readonly unknown[] {
  if (Array.isArray(x) && x.length === length) return;
  refuse(PUSH, name, `a list of ${length}`, x, TypeError);
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
