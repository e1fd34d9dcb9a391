/**
 * Batches of images that are read when they are asked for.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Batch } from "../batch.ts";
import { type BatchesOptions, Passes } from "../passes.ts";

/**
 * Batches that can be iterated over many times, each time in a new order if
 * shuffled. The next batch is read while one is used.
 *
 * A batch belongs to the iteration: it is freed when the next one is taken, and
 * when the loop is left. `tf.clone` what should live longer.
 *
 * @typeParam Read What is read of the files.
 */
export class ImageBatches<B extends Batch, Read = unknown> extends Passes {
  readonly #read: (indices: Int32Array) => Promise<Read>;
  readonly #make: (read: Read) => B;

  /** Use {@linkcode ImageFolder.batches}. */
  constructor(
    read: (indices: Int32Array) => Promise<Read>,
    make: (read: Read) => B,
    examples: number,
    options: BatchesOptions,
  ) {
    super(examples, options);
    this.#read = read;
    this.#make = make;
  }

  /** Iterate over the batches once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<B, void> {
    const pass = this.begin();
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
}
