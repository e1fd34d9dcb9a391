/**
 * Losses that wait on the device to be read together.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/**
 * Collects the losses of steps. Reading one by one would stall a GPU at each
 * step; reading many costs one transfer.
 */
export class LossMeter {
  #waiting: tf.Scalar[] = [];
  #read: number[] = [];

  /** Take over a loss; it is freed once it has been read. */
  add(loss: tf.Scalar): void {
    this.#waiting.push(tf.keep(loss));
  }

  /** Read what waits, and return all losses since the last `clear`. */
  async read(): Promise<readonly number[]> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) {
      const joined = waiting.length === 1 ? waiting[0]! : tf.stack(waiting);
      try {
        this.#read.push(...await joined.data<"float32">());
      } finally {
        tf.dispose([joined, ...waiting]);
      }
    }
    return this.#read;
  }

  /** The losses that have been read since the last `clear`. */
  get known(): readonly number[] {
    return this.#read;
  }

  /** Go on from losses that were read in an earlier part of the run. */
  load(losses: readonly number[]): void {
    this.#read = [...losses];
  }

  /** Forget the losses that have been read. */
  clear(): void {
    this.#read = [];
  }

  /** Free what waits. */
  dispose(): void {
    tf.dispose(this.#waiting);
    this.#waiting = [];
  }
}
