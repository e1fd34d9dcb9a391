/**
 * Nests of states: a state, or lists and records of nests.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, tensor } from "../internal/check.ts";
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

/**
 * The tensor of each state in `nest`, from `given` of the same structure.
 *
 * @param action What cannot be done, in errors.
 * @param name What `given` is called in errors.
 * @throws {TypeError} If `given` is of another structure, or has anything but tensors.
 * @throws {RangeError} If a tensor has not the shape of its state, or a state two tensors.
 */
export function match(
  action: string,
  nest: StateNest,
  given: unknown,
  name: string,
): Map<State<tf.Tensor>, tf.Tensor> {
  const found = new Map<State<tf.Tensor>, tf.Tensor>();
  function visit(nest: StateNest, x: unknown, path: string) {
    if (nest instanceof State) {
      checkLike(action, path, x, nest.shape);
      const known = found.get(nest);
      if (known && known !== x) {
        refuse(action, path, "the tensor that the same state has before", x);
      }
      found.set(nest, x);
      return;
    }
    const keys = Object.keys(nest);
    const isAlike = typeof x === "object" && x !== null &&
      Array.isArray(x) === Array.isArray(nest);
    if (!isAlike) {
      refuse(action, path, "of the structure of the states", x, TypeError);
    }
    const surplus = Object.keys(x).find((key) => !keys.includes(key));
    if (surplus !== undefined) {
      throw new TypeError(
        `Cannot ${action}: ${path} must be of the structure of the states: there is no state "${surplus}"`,
      );
    }
    for (const [key, child] of Object.entries(nest)) {
      const own = Object.hasOwn(x, key)
        ? (x as Record<string, unknown>)[key]
        : undefined;
      visit(child, own, `${path}.${key}`);
    }
  }
  visit(nest, given, name);
  return found;
}

/** Throws unless `x` is a tensor of float32 and of `shape`. */
export function checkLike(
  action: string,
  name: string,
  x: unknown,
  shape: readonly number[],
): asserts x is tf.Tensor {
  check(action, name, x, tensor);
  const { dtype, shape: current } = x as tf.Tensor;
  if (dtype !== "float32") refuse(action, name, "of float32", dtype, TypeError);
  if (!tf.util.arraysEqual(current, [...shape])) {
    refuse(action, name, `of shape [${shape.join(", ")}]`, x);
  }
}

function isNest(x: unknown): x is object {
  if (Array.isArray(x)) return true;
  if (typeof x !== "object" || x === null) return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}
