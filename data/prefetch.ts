/**
 * Reading ahead of the consumer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, checkOptions, iterable } from "../internal/check.ts";
import type { Shard } from "./shard.ts";

/** What {@linkcode prefetch} reads; batches have a length and a position. */
export type PrefetchSource<T> = (AsyncIterable<T> | Iterable<T>) & {
  /** How many values there are, if that is known. */
  readonly length?: number;
  /** The part of each batch, if it is one. */
  readonly shard?: Shard;
  /** The position of the current pass. */
  stateDict?(): unknown;
  /** Start the next pass at a saved position. */
  loadStateDict?(place: never): void;
};

/** What {@linkcode prefetch} returns. */
export interface Prefetched<T> extends AsyncIterable<T> {
  /** How many values there are, if the source knows. */
  readonly length?: number;
  /** The part of each batch, if it is one. */
  readonly shard?: Shard;
  /** The position after the value that was taken last, if the source has one. */
  stateDict?(): unknown;
  /** Start the next pass at a saved position, if the source can. */
  loadStateDict?(place: never): void;
}

/**
 * Request values from a source before they are needed, so that reading from disk
 * or network overlaps with computing.
 *
 * The source is closed when the loop is left early. An error of the source is
 * thrown where the loop would have received the value.
 *
 * Tensors, and lists of tensors, are cloned when they are read (a clone shares
 * memory), so that the batches of `batches` and `textWindows` can be read ahead. A
 * clone is freed when the next value is taken, and when the loop is left.
 *
 * Where the source has a position to resume from, as {@linkcode batches} have, so
 * has the result: that of the value taken last. A source that draws random numbers
 * for each value does so earlier than without `prefetch`: give it a random state of
 * its own.
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
  source: PrefetchSource<T>,
  options: { readonly depth?: number } = {},
): Prefetched<T> {
  check("prefetch", "the source", source, iterable);
  checkOptions("prefetch", options, { depth: "a positive integer" });
  const { depth = 2 } = options;
  /** The position after the value that was taken last, during a pass. */
  let taken: { readonly place: unknown } | undefined;
  const values = {
    async *[Symbol.asyncIterator]() {
      taken = { place: source.stateDict?.() };
      for await (const read of readAhead(source, depth)) {
        taken = read;
        yield read.value;
      }
      taken = undefined;
    },
    ...(source.length === undefined ? {} : { length: source.length }),
    ...(source.shard === undefined ? {} : { shard: source.shard }),
  };
  if (!source.stateDict || !source.loadStateDict) return values;
  return {
    ...values,
    stateDict: () => taken ? taken.place : source.stateDict!(),
    loadStateDict(place) {
      source.loadStateDict!(place);
      taken = undefined;
    },
  };
}

/** A value, and the position of the source after it. */
interface Read<T> {
  readonly value: T;
  readonly place: unknown;
}

async function* readAhead<T>(
  source: PrefetchSource<T>,
  depth: number,
): AsyncGenerator<Read<T>, void> {
  const iterator = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  let latest: Promise<unknown> = Promise.resolve();
  // One request after the other: a source may free a value at the next request.
  const request = (): Promise<Read<T> | undefined> => {
    const next = latest.then(() => iterator.next()).then(({ done, value }) =>
      done ? undefined : { value: hold(value), place: source.stateDict?.() }
    );
    latest = next;
    next.catch(() => {}); // awaited below, in order
    return next;
  };
  const pending = Array.from({ length: depth }, request);
  let read: Read<T> | undefined;
  try {
    while ((read = await pending.shift())) {
      pending.push(request());
      yield read;
      free(read.value);
    }
  } finally {
    if (read) free(read.value);
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "fulfilled" && result.value) {
        free(result.value.value);
      }
    }
    await iterator.return?.();
  }
}

/** `value`, with clones in place of its tensors. */
function hold<T>(value: T): T {
  if (value instanceof tf.Tensor) return tf.clone(value) as typeof value;
  return Array.isArray(value) ? value.map(hold) as typeof value : value;
}

function free(value: unknown): void {
  if (value instanceof tf.Tensor) value.dispose();
  else if (Array.isArray(value)) value.forEach(free);
}
