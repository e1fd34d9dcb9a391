/**
 * The batches of the last steps, which may have to be taken again.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Batch } from "../data/batch.ts";

/** A batch of a step. */
export interface RecentBatch<B extends Batch> {
  /** The batch, which belongs to the step. */
  readonly batch: B;
  /** Where the data was after it. */
  readonly place: unknown;
}

/** A step: its batches. */
export type RecentStep<B extends Batch> = readonly RecentBatch<B>[];

/** The most steps that are taken before it is read whether they count. */
const MOST_STEPS = 32;
/** So many bytes of batches are kept at most, unless one step has more. */
const MOST_BYTES = 2 ** 27;

/**
 * The steps of which it has not been read yet whether they count, with their batches.
 *
 * It is read after one step at first, then after 2, 4, 8, up to 32, and after one again
 * once a step did not count. No result depends on when it is read.
 */
export class RecentSteps<B extends Batch> {
  #steps: { readonly batches: RecentStep<B>; readonly open: tf.Scalar }[] = [];
  /** The batches of the step that is being taken. */
  #batches: RecentBatch<B>[] = [];
  #bytes = 0;
  #most = 1;
  /** Steps that were taken back and are to be taken again, in order. */
  readonly again: RecentStep<B>[] = [];

  /** Whether it should be read now which of them count. */
  get isFull(): boolean {
    return this.#steps.length >= this.#most || this.#bytes >= MOST_BYTES;
  }

  /** Add a batch to the step that is being taken, and where the data is after it. */
  add(batch: B, place: unknown): void {
    const kept = batch.map((x) => tf.keep(tf.clone(x))) as Batch as B;
    this.#batches.push({ batch: kept, place });
    for (const { size } of kept) this.#bytes += 4 * size;
  }

  /** The step has been taken; it counts if `open` is 1. */
  end(open: tf.Scalar): void {
    const batches = this.#batches;
    this.#steps.push({ batches, open: tf.keep(tf.clone(open)) });
    this.#batches = [];
  }

  /** Forget the step that is being taken. */
  cancel(): void {
    free(this.#batches);
    this.#batches = [];
  }

  /** Read how many of the steps count, which are the first ones, and how many do not. */
  async read(): Promise<{ readonly count: number; readonly void: number }> {
    const opens = this.#steps.map(({ open }) => open);
    if (opens.length === 0) return { count: 0, void: 0 };
    const joined = opens.length === 1 ? opens[0]! : tf.stack(opens);
    const values = await joined.data<"float32">();
    if (joined !== opens[0]) joined.dispose();
    const count = values.reduce((a, b) => a + b, 0);
    return { count, void: opens.length - count };
  }

  /** All steps count. */
  confirm(): void {
    if (this.#steps.length === 0) return;
    this.#most = Math.min(2 * this.#most, MOST_STEPS);
    this.#forget();
  }

  /**
   * Only the first `count` steps count. The one after them is returned, and belongs to the
   * caller; those after it are to be taken again.
   */
  takeBack(count: number): RecentStep<B> {
    const [step, ...after] = this.#steps.splice(count);
    for (const { open } of [step!, ...after]) open.dispose();
    this.again.unshift(...after.map(({ batches }) => batches));
    this.#most = 1;
    this.#forget();
    return step!.batches;
  }

  /** Free what is kept. */
  dispose(): void {
    this.#forget();
    this.cancel();
    for (const step of this.again.splice(0)) free(step);
  }

  #forget(): void {
    for (const { batches, open } of this.#steps.splice(0)) {
      free(batches);
      open.dispose();
    }
    this.#bytes = 0;
  }
}

/** Free the batches of a step. */
export function free(step: RecentStep<Batch>): void {
  for (const { batch } of step) tf.dispose([...batch]);
}
