/**
 * Sources of batches: anything that can be iterated over.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Batch } from "./batches.ts";

/** Batches, iterated over once for each epoch. */
export type BatchSource<B extends Batch> = Iterable<B> | AsyncIterable<B>;

/** A source that may have a length, and something to free. */
export type Sized<B extends Batch> = BatchSource<B> & {
  readonly length?: number;
  dispose?(): void;
};

/** The number of batches in an epoch, if the source has a length. */
export function sizeOf(
  source: { readonly length?: unknown },
): number | undefined {
  const { length } = source;
  return typeof length === "number" && Number.isFinite(length)
    ? length
    : undefined;
}

/** The first `count` batches of a source, copied once and repeated in each epoch. */
export function firstBatches<B extends Batch>(
  source: Sized<B>,
  count: number,
): Sized<B> {
  let copies: B[] | undefined;
  const length = sizeOf(source);
  return {
    length: Math.min(count, length ?? count),
    async *[Symbol.asyncIterator]() {
      if (copies) {
        yield* copies;
        return;
      }
      copies = [];
      for await (const batch of source) {
        const copy = batch.map((x) => tf.clone(x)) as unknown as B;
        copies.push(copy);
        yield copy;
        if (copies.length === count) break;
      }
    },
    dispose() {
      tf.dispose(copies?.map((batch) => [...batch]) ?? []);
      copies = undefined;
    },
  };
}
