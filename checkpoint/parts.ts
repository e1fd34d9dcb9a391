/**
 * The parts of a checkpoint.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type AnyState, State, type States } from "../state.ts";
import type { Named } from "../tensors.ts";
import { isRecord, type PlainData } from "./tree.ts";

/** An object with states, such as a module. */
export interface HasStates {
  /** The states, by path. */
  states(): States<AnyState>;
}

/** An object that can save and load its state, such as an optimizer or a scheduler. */
export interface Resumable {
  /**
   * The current state: plain data with tensors in it. It is called inside a scope,
   * which frees tensors that are created for it.
   */
  stateDict(): unknown;
  /** Load a state; the caller still owns its tensors. If it throws, nothing changes. */
  loadStateDict(state: never): void;
  /** Throw if `loadStateDict` would, without changing anything. */
  checkStateDict?(state: never): void;
}

/** One part of a checkpoint. */
export type Part =
  | HasStates
  | Resumable
  | States<AnyState>
  | AnyState
  | PlainData;

/** The parts of a checkpoint, by name. */
export type Parts = Named<Part>;

/** A part and its kind. */
export type Classified =
  | { readonly kind: "states"; readonly states: States<AnyState> }
  | { readonly kind: "dict"; readonly part: Resumable }
  | { readonly kind: "data"; readonly data: unknown };

/**
 * Determine the kind of a part. A single state has the empty path.
 *
 * @param part The part.
 * @param name Its name, for errors.
 * @returns The part and its kind.
 * @throws {TypeError} If it cannot be a part.
 */
export function classify(part: unknown, name: string): Classified {
  if (part instanceof State) return { kind: "states", states: { "": part } };
  if (hasMethods(part, "stateDict", "loadStateDict")) {
    return { kind: "dict", part: part as unknown as Resumable };
  }
  if (hasMethods(part, "states")) {
    return { kind: "states", states: (part as unknown as HasStates).states() };
  }
  if (part instanceof tf.Tensor) {
    throw new TypeError(
      `Cannot use ${name} as a part of a checkpoint: a tensor must be held by a State`,
    );
  }
  const values = isRecord(part) ? Object.values(part) : [];
  const count = values.filter((value) => value instanceof State).length;
  if (count === 0) return { kind: "data", data: part };
  if (count === values.length) {
    return { kind: "states", states: part as States<AnyState> };
  }
  throw new TypeError(
    `Cannot use ${name} as a part of a checkpoint: it mixes states with other values: make them parts of their own`,
  );
}

function hasMethods(x: unknown, ...names: string[]): x is object {
  return typeof x === "object" && x !== null &&
    names.every((name) =>
      typeof (x as Record<string, unknown>)[name] === "function"
    );
}
