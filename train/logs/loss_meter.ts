/**
 * Reading the losses of several steps together.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/**
 * Collects the losses of steps: all tensors, or all numbers. Reading them one by one would stall a GPU at each
 * step; reading them together is one transfer.
 */
export class LossMeter {
  #waiting: tf.Scalar[] = [];
  #read: number[] = [];
  /** The reading that was asked for last. */
  #reading: Promise<unknown> = Promise.resolve();

  /** Add a loss; a tensor is freed once it has been read. */
  add(loss: tf.Scalar | number): void {
    if (typeof loss === "number") this.#read.push(loss);
    else this.#waiting.push(tf.keep(loss));
  }

  /**
   * Read the losses on the device, after those that are being read; returns all since
   * the last `clear`.
   */
  read(): Promise<readonly number[]> {
    const next = () => this.#readWaiting();
    const reading = this.#reading.then(next, next);
    this.#reading = reading;
    return reading;
  }

  async #readWaiting(): Promise<readonly number[]> {
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

  /** The number of losses since the last `clear`. */
  get count(): number {
    return this.#read.length + this.#waiting.length;
  }

  /** The losses read since the last `clear`. */
  get known(): readonly number[] {
    return this.#read;
  }

  /** Continue with losses that were read before. */
  load(losses: readonly number[]): void {
    this.#read = [...losses];
  }

  /** Remove the last losses of those that have been read, from the `first`th on. */
  cut(first: number): void {
    this.#read.length = first;
  }

  /** Remove the losses that have been read. */
  clear(): void {
    this.#read = [];
  }

  /** Free the losses on the device. */
  dispose(): void {
    tf.dispose(this.#waiting);
    this.#waiting = [];
  }
}
