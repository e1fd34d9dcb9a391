/**
 * Batches of images that are read when they are asked for.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Batch } from "../batch.ts";
import { type BatchesOptions, type BatchesPlace, Passes } from "../passes.ts";
import type { Shard } from "../shard.ts";

/**
 * Batches that can be iterated over many times, each time in a new order if
 * shuffled. The next batch is read while one is used.
 *
 * A batch belongs to the iteration: it is freed when the next one is taken, and
 * when the loop is left. `tf.clone` what should live longer.
 *
 * @typeParam Read What is read of the files.
 */
export class ImageBatches<B extends Batch, Read = unknown> {
  /** Batches in one pass. */
  readonly length: number;
  /** Examples in one pass. */
  readonly examples: number;
  /** The part of each batch that is taken. */
  readonly shard: Shard;
  readonly #read: (indices: Int32Array) => Promise<Read>;
  readonly #make: (read: Read) => B;
  readonly #passes: Passes;

  /** Use {@linkcode ImageFolder.batches}. */
  constructor(
    read: (indices: Int32Array) => Promise<Read>,
    make: (read: Read) => B,
    examples: number,
    options: BatchesOptions,
  ) {
    this.#read = read;
    this.#make = make;
    this.#passes = new Passes(examples, options);
    this.length = this.#passes.length;
    this.examples = this.#passes.examples;
    this.shard = this.#passes.shard;
  }

  /** Iterate over the batches once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<B, void> {
    const pass = this.#passes.begin();
    const readAhead = (i: number) => {
      const reading = this.#read(pass.indicesOf(i));
      reading.catch(() => {}); // thrown where it is awaited, if it is
      return reading;
    };
    let batch: B | undefined;
    try {
      let next = pass.from < this.length ? readAhead(pass.from) : undefined;
      for (let i = pass.from; i < this.length; i++) {
        const read = await next!;
        if (i + 1 < this.length) next = readAhead(i + 1);
        // Made only now, so that random numbers are drawn in the order of use.
        batch = this.#make(read);
        pass.give(i);
        yield batch;
        tf.dispose([...batch]);
      }
      pass.end();
    } finally {
      if (batch) tf.dispose([...batch]);
    }
  }

  /**
   * The position of the current pass, as plain data.
   *
   * @returns The position; `null` between two passes.
   */
  stateDict(): BatchesPlace | null {
    return this.#passes.stateDict();
  }

  /**
   * Start the next pass at a saved position. The random state that shuffles is
   * saved and loaded separately.
   *
   * @param place What {@linkcode ImageBatches.stateDict} returned.
   * @throws {RangeError} If these batches have no such position.
   */
  loadStateDict(place: BatchesPlace | null): void {
    this.#passes.loadStateDict(place);
  }
}
