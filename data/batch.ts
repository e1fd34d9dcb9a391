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
  type BatchesPlace,
  type Cut,
  Passes,
} from "./passes.ts";
import type { Shard } from "./shard.ts";

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
export class Batches<B extends Batch> {
  /** Batches in one pass. */
  readonly length: number;
  /** Examples in one pass. */
  readonly examples: number;
  /** The part of each batch that is taken. */
  readonly shard: Shard;
  readonly #make: (indices: Int32Array) => B;
  readonly #passes: Passes;

  /** Use {@linkcode batches}. */
  constructor(
    make: (indices: Int32Array) => B,
    examples: number,
    options: BatchesOptions,
    cut?: Cut,
  ) {
    this.#make = make;
    this.#passes = new Passes(examples, options, cut);
    this.length = this.#passes.length;
    this.examples = this.#passes.examples;
    this.shard = this.#passes.shard;
  }

  /** Iterate over the batches once. */
  *[Symbol.iterator](): Generator<B, void> {
    const pass = this.#passes.begin();
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
   * @param place What {@linkcode Batches.stateDict} returned.
   * @throws {RangeError} If these batches have no such position.
   */
  loadStateDict(place: BatchesPlace | null): void {
    this.#passes.loadStateDict(place);
  }
}
