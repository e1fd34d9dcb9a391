/**
 * Sources of batches: anything that can be iterated over.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { refuse, show } from "../internal/check.ts";
import type { Batch } from "./batch.ts";
import type { Shard } from "./shard.ts";

/**
 * Batches, iterated over once for each epoch: an iterable, or a function that
 * returns one.
 *
 * A generator can be iterated over only once; pass a function that returns a new
 * one. Tensors that a generator creates for its batches are freed after use;
 * tensors that existed before, and those of a source with `ownsBatches: true`, are
 * not.
 */
export type BatchSource<B extends Batch> =
  | Iterable<B>
  | AsyncIterable<B>
  | (() => Iterable<B> | AsyncIterable<B>);

/** What a source of batches may have. */
interface Extras {
  readonly length?: unknown;
  readonly ownsBatches?: unknown;
  readonly shard?: Shard;
}

/** A source whose passes can be resumed. */
export interface ResumableSource {
  /** The position of the current pass. */
  stateDict(): unknown;
  /** Start the next pass at a saved position. */
  loadStateDict(place: never): void;
}

/** Whether passes over `source` can be resumed. */
export function isResumable(source: unknown): source is ResumableSource {
  return typeof source === "object" && source !== null &&
    "stateDict" in source && "loadStateDict" in source;
}

/** The position of the current pass over a source, if it has one. */
export function placeOf(source: unknown): unknown {
  return isResumable(source) ? source.stateDict() : null;
}

/** The number of batches in an epoch, if the source has a length. */
export function sizeOf(source: BatchSource<Batch>): number | undefined {
  if (typeof source === "function") return undefined;
  const { length } = source as Extras;
  return typeof length === "number" && Number.isFinite(length)
    ? length
    : undefined;
}

/** The part of each batch that a source gives; unknown of sources of others. */
export function shardOf(source: BatchSource<Batch>): Shard | undefined {
  return typeof source === "function" ? undefined : (source as Extras).shard;
}

/** Whether a source can be iterated over only once, as a generator. */
export function isUsedOnce(source: BatchSource<Batch>): boolean {
  if (typeof source === "function" || !("next" in source)) return false;
  const iterator: object = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  return iterator === source;
}

/** The error for a source without a batch. */
export function noBatch(
  action: string,
  source: BatchSource<Batch>,
  name = "the data",
): RangeError {
  const hint = isUsedOnce(source)
    ? ": it is a generator, which is used up after one pass: pass a function that returns a new one"
    : "";
  return new RangeError(`Cannot ${action}: ${name} must give a batch${hint}`);
}

/** The id of a tensor created now; ids rise. */
export function latestTensor(): number {
  const probe = tf.scalar(0);
  probe.dispose();
  return probe.id;
}

/**
 * Iterate over a source once, and free the tensors that a generator has created.
 *
 * @param action The action in errors.
 * @param source The source.
 * @param since The id of the latest tensor that is not freed.
 */
export async function* passOver<B extends Batch>(
  action: string,
  source: BatchSource<B>,
  since: number,
): AsyncGenerator<B, void> {
  const opened = typeof source === "function" ? source() : source;
  const iterator = iteratorOf(action, opened);
  const frees = isGenerator(iterator) && !(opened as Extras).ownsBatches;
  let ended = false;
  try {
    while (true) {
      const { done, value } = await iterator.next();
      if (done) {
        ended = true;
        return;
      }
      checkBatch(action, value);
      try {
        yield value;
      } finally {
        if (frees) tf.dispose(value.filter(({ id }) => id > since));
      }
    }
  } finally {
    if (!ended) await iterator.return?.();
  }
}

function iteratorOf<B>(
  action: string,
  source: Iterable<B> | AsyncIterable<B>,
): Iterator<B> | AsyncIterator<B> {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  refuse(action, "the data", "iterable", source, TypeError);
}

function isGenerator(iterator: object): boolean {
  const tag = (iterator as { [Symbol.toStringTag]?: string })[
    Symbol.toStringTag
  ];
  return tag === "Generator" || tag === "AsyncGenerator";
}

function checkBatch(action: string, batch: unknown): void {
  const isBatch = Array.isArray(batch) &&
    batch.every((x) => x instanceof tf.Tensor);
  if (!isBatch) {
    refuse(action, "each batch", "a list of tensors", batch, TypeError);
  }
  const freed = batch.find((x) => x.isDisposed);
  if (freed) {
    throw new Error(
      `Cannot ${action}: the tensors of a batch must not be disposed: ${
        show(freed)
      } is: tensors that a generator creates are freed after use: give a new one each time, or set ownsBatches on the source`,
    );
  }
}
