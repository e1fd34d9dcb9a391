/**
 * Scopes, which free the tensors created inside them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine, type EngineScope } from "./internal/engine.ts";

/**
 * Runs `fn`, and frees every tensor created inside it that it does not return.
 *
 * Tensors that were written to states are kept. Tensors are returned alone, in an array
 * or in a plain object.
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
 * @param fn A function, which must not return a promise, since the scope ends when it
 * returns.
 * @returns The result of `fn`.
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
 * Frees a kept tensor: at once, or at the end of the open scope, so that a value read
 * from a state inside a scope stays usable until the scope ends.
 */
export function release(x: tf.Tensor): void {
  if (x.isDisposed) return;
  const { activeScope, scopeStack } = engine().state;
  if (activeScope === null || scopeStack.length === 0) {
    x.dispose();
    return;
  }
  give(x, activeScope);
}

/** Make `x` one of the tensors that `owner` frees, or hands to the scope around it. */
function give(x: tf.Tensor, owner: EngineScope): void {
  x.kept = false;
  (x as unknown as { scopeId: number }).scopeId = owner.id;
  owner.track.push(x);
}

/** Makes `x` one of the tensors that the open scope frees, if there is one. */
export function track<T extends tf.Tensor>(x: T): T {
  const { activeScope } = engine().state;
  if (activeScope) give(x, activeScope);
  return x;
}

/** Whether `x` was created in the innermost open scope, which will free it. */
export function isLocal(x: tf.Tensor): boolean {
  const { activeScope } = engine().state;
  const { scopeId } = x as unknown as { readonly scopeId: number };
  return !x.kept && activeScope !== null && scopeId === activeScope.id;
}

/** Gives a kept tensor to the open scope, or to the caller if there is none. */
export function adopt(x: tf.Tensor): void {
  const { activeScope } = engine().state;
  if (activeScope) give(x, activeScope);
  else x.kept = false;
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
