/**
 * Nests of states: a state, or lists and records of nests.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { State } from "../state.ts";

/** A state, or lists and records of states, nested to any depth. */
export type StateNest =
  | State<tf.Tensor>
  | readonly StateNest[]
  | { readonly [key: string]: StateNest };

/** Gradients in the structure of `N`: a tensor for each state. */
export type GradsOf<N> = StateNest extends N ? unknown
  : N extends State<infer T> ? T
  : N extends readonly unknown[] ? { [K in keyof N]: GradsOf<N[K]> }
  : { [K in keyof N]: GradsOf<N[K]> };

/**
 * The states in `nest` with their paths; a state that occurs twice has its first path.
 *
 * @throws {TypeError} If it contains anything else, or nothing.
 */
export function collect(nest: unknown): Map<State<tf.Tensor>, string> {
  const found = new Map<State<tf.Tensor>, string>();
  function visit(x: unknown, path: string) {
    if (x instanceof State) {
      if (!found.has(x)) found.set(x, path);
    } else if (isNest(x)) {
      for (const [key, child] of Object.entries(x)) {
        visit(child, path ? `${path}.${key}` : key);
      }
    } else {
      throw new TypeError(
        `Cannot differentiate: states must be states, or lists and records of them: "${path}" is ${
          x === null ? "null" : typeof x
        }`,
      );
    }
  }
  visit(nest, "");
  if (found.size === 0) {
    throw new TypeError(
      "Cannot differentiate: states must contain at least one state: it is empty; a filter may have selected nothing",
    );
  }
  return found;
}

/** The results of `fn` for each state, in the structure of `nest`. */
export function mirror<N extends StateNest, U>(
  nest: N,
  fn: (state: State<tf.Tensor>) => U,
): unknown {
  if (nest instanceof State) return fn(nest);
  if (Array.isArray(nest)) return nest.map((x) => mirror(x, fn));
  return Object.fromEntries(
    Object.entries(nest).map(([key, x]) => [key, mirror(x as StateNest, fn)]),
  );
}

function isNest(x: unknown): x is object {
  if (Array.isArray(x)) return true;
  if (typeof x !== "object" || x === null) return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}
