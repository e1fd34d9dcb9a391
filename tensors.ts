/**
 * Values by path: the container of models, gradients, optimizers and checkpoints.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/** Values by path, such as `"layers.0.weight"`. */
export type Named<T> = Readonly<Record<string, T>>;

/** Tensors by path. */
export type Tensors = Named<tf.Tensor>;

/**
 * Applies `fn` to each value; names and order stay the same.
 *
 * @example Usage
 * ```ts
 * import { mapNamed } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(mapNamed({ a: 1, b: 2 }, (x, name) => name + x), {
 *   a: "a1",
 *   b: "b2",
 * });
 * ```
 *
 * @typeParam T The type of a value.
 * @typeParam U The type of a result.
 * @param values The values by name.
 * @param fn Called with each value and its name.
 * @returns The results, under the same names.
 */
export function mapNamed<T, U>(
  values: Named<T>,
  fn: (value: T, name: string) => U,
): Record<string, U> {
  const results: Record<string, U> = {};
  for (const name of Object.keys(values)) {
    put(results, name, fn(values[name]!, name));
  }
  return results;
}

/**
 * The value of `fn` for each name.
 *
 * @example Usage
 * ```ts
 * import { fromNames } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(fromNames(["a", "bc"], (name) => name.length), { a: 1, bc: 2 });
 * ```
 *
 * @typeParam U The type of a result.
 * @param names The names to use.
 * @param fn Called with each name.
 * @returns The results by name.
 */
export function fromNames<U>(
  names: readonly string[],
  fn: (name: string) => U,
): Record<string, U> {
  const results: Record<string, U> = {};
  for (const name of names) put(results, name, fn(name));
  return results;
}

/**
 * Sets a property, whatever its name. `Object.fromEntries` does that too, but makes
 * records that are slow to read.
 */
function put<T>(record: Record<string, T>, name: string, value: T): void {
  if (name !== "__proto__") record[name] = value;
  else {
    Object.defineProperty(record, name, {
      value,
      ...{ configurable: true, enumerable: true, writable: true },
    });
  }
}
