/**
 * Reading ahead of the device.
 *
 * @module
 */

/**
 * Take values from a source before they are asked for, so that reading a file
 * or a network overlaps with computing.
 *
 * The source is closed when the loop is left early; an error of the source is
 * thrown where the loop would have received the value. Give it values that stay
 * valid (arrays; not the tensors of `batches`, which are freed one by one).
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
 * @typeParam T What the source gives.
 * @param source What to read.
 * @param options `depth`: how many values to hold ready, 2 by default.
 * @returns The same values.
 * @throws {RangeError} If `depth` is not a positive integer.
 */
export function prefetch<T>(
  source: AsyncIterable<T> | Iterable<T>,
  { depth = 2 }: { readonly depth?: number } = {},
): AsyncIterable<T> {
  if (!Number.isSafeInteger(depth) || depth < 1) {
    throw new RangeError(
      `Cannot prefetch: depth must be a positive integer: current value is ${depth}`,
    );
  }
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
    next.catch(() => {}); // reported below, when its turn comes
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
