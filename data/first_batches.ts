/**
 * The first batches of a source, for overfitting them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../internal/check.ts";
import type { Batch } from "./batch.ts";
import {
  type BatchSource,
  isResumable,
  latestTensor,
  passOver,
  placeOf,
  sizeOf,
} from "./sources.ts";

/** The state of {@linkcode FirstBatches} in a checkpoint. */
interface FirstBatchesState {
  /** The batches copied so far. */
  readonly batches: readonly (readonly tf.Tensor[])[];
  /** Whether these are all of them. */
  readonly complete: boolean;
  /** Batches yielded so far in this pass. */
  readonly position: number;
  /** The position of the source after the last copy. */
  readonly place: unknown;
}

/** The first batches of a source, copied once and repeated in each pass. */
export class FirstBatches<B extends Batch> {
  /** Batches in one pass, or fewer if the source has fewer. */
  readonly length: number;
  /** The copies outlive a pass. */
  readonly ownsBatches = true;
  readonly #source: BatchSource<B>;
  readonly #count: number;
  readonly #since = latestTensor();
  #copies: B[] = [];
  #complete = false;
  #position = 0;
  /** The position of the source after the last copy. */
  #place: unknown = null;

  /** Repeat the first `count` batches of `source`. */
  constructor(source: BatchSource<B>, count: number) {
    this.#source = source;
    this.#count = count;
    this.length = Math.min(count, sizeOf(source) ?? count);
  }

  /** Iterate over the batches, from the position that was loaded. */
  async *[Symbol.asyncIterator](): AsyncGenerator<B, void> {
    for (const copy of this.#copies.slice(this.#position)) {
      this.#position++;
      yield copy;
    }
    if (!this.#complete) yield* this.#copy();
    this.#position = 0;
  }

  async *#copy(): AsyncGenerator<B, void> {
    // A source that cannot be resumed starts again.
    let skip = isResumable(this.#source) ? 0 : this.#copies.length;
    for await (const batch of passOver("fit", this.#source, this.#since)) {
      if (skip-- > 0) continue;
      const copy = batch.map((x) => tf.keep(tf.clone(x))) as unknown as B;
      this.#copies.push(copy);
      this.#place = placeOf(this.#source);
      this.#position++;
      this.#complete = this.#copies.length === this.#count;
      yield copy;
      if (this.#complete) return;
    }
    this.#complete = true;
  }

  /** The batches and the position, for a checkpoint. */
  stateDict(): FirstBatchesState {
    return {
      batches: this.#copies,
      complete: this.#complete,
      position: this.#position,
      place: this.#place,
    };
  }

  /** Continue with the batches and at the position of a checkpoint. */
  loadStateDict(state: FirstBatchesState): void {
    const { batches, complete, position, place } = state;
    const isSame = Array.isArray(batches) &&
      batches.length <= this.#count &&
      Number.isSafeInteger(position) && position >= 0 &&
      position <= batches.length;
    if (!isSame) {
      const rule = `that of a run with overfitBatches ${this.#count}`;
      refuse("resume", "the state of the data", rule, state);
    }
    this.dispose();
    this.#copies = batches.map((batch) =>
      batch.map((x: tf.Tensor) => tf.keep(tf.clone(x))) as unknown as B
    );
    this.#complete = complete;
    this.#position = position;
    if (!complete && isResumable(this.#source)) {
      this.#source.loadStateDict(place as never);
    }
  }

  /** Free the copies. */
  dispose(): void {
    tf.dispose(this.#copies.map((batch) => [...batch]));
    this.#copies = [];
  }
}
