/**
 * Parts: what a checkpoint can hold, told apart by what they can do.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type AnyState, State, type States } from "../state.ts";
import type { Named } from "../tensors.ts";
import { isRecord, type PlainData } from "./tree.ts";

/** Whatever holds states: a model, or one of its layers. */
export interface HasStates {
  /** The states, by path. */
  states(): States<AnyState>;
}

/** Whatever can tell where it stands and go on from there: an optimizer, a scheduler. */
export interface Resumable {
  /**
   * Where it stands: plain data with tensors in it. It is called inside a scope,
   * which frees the tensors that are made for it.
   */
  stateDict(): unknown;
  /** Go on from there; tensors stay the caller's. If it throws, nothing changes. */
  loadStateDict(state: never): void;
  /** Throw where `loadStateDict` would, and change nothing. */
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

/** A part, and what it is. */
export type Classified =
  | { readonly kind: "states"; readonly states: States<AnyState> }
  | { readonly kind: "dict"; readonly part: Resumable }
  | { readonly kind: "data"; readonly data: unknown };

/**
 * Tell what kind of part `part` is. A single state has the empty path.
 *
 * @param part The part.
 * @param name Its name, for errors.
 * @returns What it is, with its states where it has some.
 * @throws {TypeError} For an object that is no part.
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
