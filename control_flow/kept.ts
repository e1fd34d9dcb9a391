/**
 * What is kept of a loop, to run its iterations again.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { State } from "../state.ts";
import type { FlatFunction } from "./body.ts";

/** The place of a tensor among those that are kept for the backward pass. */
export class Slot {
  /** Its number. */
  readonly index: number;

  /** The place of number `index`. */
  constructor(index: number) {
    this.index = index;
  }
}

/** What an iteration began with, and what it returned. */
export interface Iteration {
  /** Its arguments, which may be disposed by now. */
  readonly args: readonly tf.Tensor[];
  /** Copies of them. */
  readonly saved: readonly Slot[];
  /** What it returned. */
  readonly results: readonly tf.Tensor[];
  /** The values of states that were not as at the beginning of the loop. */
  readonly from: ReadonlyMap<object, unknown>;
  /** Older tensors that it used: parameters, and what the body captures. */
  readonly used: ReadonlySet<tf.Tensor>;
}

/** What the states of the loop hold at its beginning and at its end. */
export interface Ends {
  /** At the beginning; a {@linkcode Slot} for each tensor. */
  readonly from: ReadonlyMap<object, unknown>;
  /** At the beginning: the tensors themselves. */
  readonly tensors: ReadonlyMap<object, tf.Tensor>;
  /** The states of tensors that were written. */
  readonly written: readonly object[];
  /** What was written to other states. */
  readonly plain: ReadonlyMap<object, unknown>;
}

/** A loop that has been run. */
export interface KeptLoop {
  /** The body. */
  readonly fn: FlatFunction;
  /** The iterations, in order. */
  readonly iterations: readonly Iteration[];
  /** All older tensors that iterations used. */
  readonly used: ReadonlyMap<tf.Tensor, Slot>;
  /** The results of iterations that the loop returned. */
  readonly outputs: readonly tf.Tensor[];
  /** See {@linkcode Ends}. */
  readonly ends: Ends;
}

/** Refuses a state that outlives the iteration that created it. */
export function refuseNew(state: object): never {
  throw new Error(
    `Cannot run a loop with recompute: the body must create no states that other iterations use: it created ${
      (state as State).name
    }; create it before the loop`,
  );
}

/** Refuses a state that the body reads only when it is run again. */
export function refuseOther(state: object): never {
  throw new Error(
    `Cannot run a loop with recompute: the body must read the same states when it is run again for the gradient: it reads ${
      (state as State).name
    }, which was created in it or after it`,
  );
}
