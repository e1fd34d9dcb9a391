/**
 * Memory: scopes that free what was made inside them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "./engine.ts";

/**
 * Run `fn`, then free every tensor made inside it that it does not return.
 *
 * What was written to states stays. Tensors are returned in a value, an array or
 * a plain object.
 *
 * @example Usage
 * ```ts
 * import { scope, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const before = tf.memory().numTensors;
 * const y = scope(() => tf.add(tf.ones([2]), tf.ones([2])));
 * assertEquals(tf.memory().numTensors, before + 1);
 * y.dispose();
 * ```
 *
 * @typeParam T The type of the result.
 * @param fn What to run; it must not return a promise, since a scope ends when
 * the function returns.
 * @returns What `fn` returned.
 * @throws {TypeError} If `fn` returns a promise.
 */
export function scope<T>(fn: () => T): T {
  let result: T;
  tf.tidy(() => {
    result = fn();
    if (isThenable(result)) {
      throw new TypeError(
        "Cannot run scope: the function must not return a promise",
      );
    }
    return result as tf.TensorContainer;
  });
  return result!;
}

/** Whether `x` is a promise, or can be awaited like one. */
export function isThenable(x: unknown): x is PromiseLike<unknown> {
  return typeof x === "object" && x !== null && "then" in x &&
    typeof x.then === "function";
}

/**
 * Free a kept tensor: now, or at the end of the scope that is open, so that what
 * was read from a state inside a scope stays usable until the scope ends.
 */
export function release(x: tf.Tensor): void {
  if (x.isDisposed) return;
  const { activeScope, scopeStack } = engine().state;
  if (activeScope === null || scopeStack.length === 0) {
    x.dispose();
    return;
  }
  x.kept = false;
  activeScope.track.push(x);
}

/** Whether `x` was made in the innermost open scope, which would free it. */
export function isLocal(x: tf.Tensor): boolean {
  const { activeScope } = engine().state;
  const { scopeId } = x as unknown as { readonly scopeId: number };
  return !x.kept && activeScope !== null && scopeId === activeScope.id;
}

/** Give a kept tensor to the scope that is open, or to the caller. */
export function adopt(x: tf.Tensor): void {
  const { activeScope } = engine().state;
  x.kept = false;
  activeScope?.track.push(x);
}

/** A copy of a nest of arrays and plain objects, with each tensor mapped. */
export function mapTensors<T>(nest: T, fn: (x: tf.Tensor) => tf.Tensor): T {
  if (nest instanceof tf.Tensor) return fn(nest) as T;
  if (Array.isArray(nest)) return nest.map((x) => mapTensors(x, fn)) as T;
  if (
    typeof nest === "object" && nest !== null &&
    Object.getPrototypeOf(nest) === Object.prototype
  ) {
    return Object.fromEntries(
      Object.entries(nest).map(([key, x]) => [key, mapTensors(x, fn)]),
    ) as T;
  }
  return nest;
}
