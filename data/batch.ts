/**
 * Batches that are made when they are asked for, and their lifetime.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  listOf,
  type OptionRules,
  tensor,
} from "../internal/check.ts";
import {
  BATCHES_RULES,
  type BatchesOptions,
  type Cut,
  Passes,
} from "./passes.ts";

/** A batch: tensors that a loss takes as its arguments. */
export type Batch = readonly tf.Tensor[];

/** What `map` makes of a batch. */
export function mapped(
  map: (...batch: never) => readonly tf.Tensor[],
  batch: Batch,
): tf.Tensor[] {
  const made = map(...batch as never);
  check("make a batch", "map(...)", made, listOf(tensor));
  return [...made];
}

/** Options of {@linkcode batches} with a function over each batch. */
export interface MappedBatchesOptions<
  From extends Batch,
  To extends Batch,
> extends BatchesOptions {
  /**
   * Applied to each batch, for scaling and augmentation, inside a `tf.tidy`.
   * What it returns belongs to the batch: return new tensors.
   */
  readonly map: (...batch: From) => readonly [...To];
}

/** The rules of {@linkcode MappedBatchesOptions}. */
export const MAPPED_RULES: OptionRules<MappedBatchesOptions<Batch, Batch>> = {
  ...BATCHES_RULES,
  map: callable,
};

/**
 * Batches that can be iterated over many times, each time in a new order if
 * shuffled.
 *
 * A batch belongs to the iteration: it is freed when the next one is taken, and
 * when the loop is left. `tf.clone` what should live longer.
 */
export class Batches<B extends Batch> extends Passes {
  readonly #make: (indices: Int32Array) => B;

  /** Use {@linkcode batches}. */
  constructor(
    make: (indices: Int32Array) => B,
    examples: number,
    options: BatchesOptions,
    cut?: Cut,
  ) {
    super(examples, options, cut);
    this.#make = make;
  }

  /** Iterate over the batches once. */
  *[Symbol.iterator](): Generator<B, void> {
    const pass = this.begin();
    let batch: B | undefined;
    try {
      for (let i = pass.from; i < this.length; i++) {
        batch = this.#make(pass.indicesOf(i));
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
