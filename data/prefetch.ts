/**
 * Reading ahead of the consumer.
 *
 * @module
 */

import { check, checkOptions, iterable } from "../check.ts";

/**
 * Request values from a source before they are needed, so that reading from disk
 * or network overlaps with computing.
 *
 * The source is closed when the loop is left early. An error of the source is
 * thrown where the loop would have received the value. Values must stay valid when
 * later ones are requested: arrays do, the tensors of `batches` do not.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * async function* slow() {
 *   for (let i = 0; i < 3; i++) yield await Promise.resolve(i);
 * }
 * assertEquals(await Array.fromAsync(train.prefetch(slow())), [0, 1, 2]);
 * ```
 *
 * @typeParam T The values.
 * @param source The source of the values.
 * @param options `depth`: how many values to request ahead; 2 by default.
 * @returns The same values.
 * @throws {RangeError} If `depth` is not a positive integer.
 */
export function prefetch<T>(
  source: AsyncIterable<T> | Iterable<T>,
  options: { readonly depth?: number } = {},
): AsyncIterable<T> {
  check("prefetch", "the source", source, iterable);
  checkOptions("prefetch", options, { depth: "a positive integer" });
  const { depth = 2 } = options;
  return { [Symbol.asyncIterator]: () => readAhead(source, depth) };
}

async function* readAhead<T>(
  source: AsyncIterable<T> | Iterable<T>,
  depth: number,
): AsyncGenerator<T, void> {
  const iterator = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  const ask = () => {
    const next = Promise.resolve().then(() => iterator.next());
    next.catch(() => {}); // awaited below, in order
    return next;
  };
  const pending = Array.from({ length: depth }, ask);
  try {
    while (true) {
      const { done, value } = await pending.shift()!;
      if (done) return;
      pending.push(ask());
      yield value;
    }
  } finally {
    await Promise.allSettled(pending);
    await iterator.return?.();
  }
}
