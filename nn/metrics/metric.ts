/**
 * What metrics have in common.
 *
 * @module
 */
import * as tf from "../../tf.ts";

/**
 * A number, or several, about many batches.
 *
 * `update` reduces a batch on the device and begins to read the few numbers that
 * are left; it waits for nothing. `compute` waits for them. They are summed on the
 * host in float64.
 *
 * @typeParam A What `update` takes.
 * @typeParam V What `compute` gives.
 */
export interface Metric<A extends readonly unknown[], V> {
  /** Forget everything. */
  reset(): void;
  /** Take a batch into account. */
  update(...args: A): void;
  /** The value for all batches since the last reset. */
  compute(): Promise<V>;
}

/** Sums of what batches were reduced to, with room for values still being read. */
export class Sums {
  readonly #name: string;
  #pending: Promise<Float64Array>[] = [];
  #total: Float64Array | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** Forget everything. */
  reset(): void {
    this.#pending = [];
    this.#total = null;
  }

  /** Add a tensor; `fn` makes it, and what it makes on the way is freed. */
  add(fn: () => tf.Tensor): void {
    const sums = tf.keep(tf.tidy(fn));
    const reading = sums.data()
      .then((values) => Float64Array.from(values))
      .finally(() => sums.dispose());
    // Whoever computes sees the error; nobody else has to.
    reading.catch(() => {});
    this.#pending.push(reading);
  }

  /**
   * The sums of all tensors added.
   *
   * @throws {Error} If there is none.
   */
  async read(): Promise<Float64Array> {
    // What is added or reset while this waits concerns the next read.
    const pending = this.#pending;
    const arrived = await Promise.all(pending);
    if (pending === this.#pending) {
      this.#pending = pending.slice(arrived.length);
      for (const values of arrived) {
        this.#total ??= new Float64Array(values.length);
        values.forEach((value, i) => this.#total![i]! += value);
      }
    }
    if (this.#total === null) throw notUpdated(this.#name);
    return this.#total;
  }
}

/** The error of a metric that has seen nothing. */
export function notUpdated(name: string): Error {
  return new Error(`Cannot compute ${name}: it must be updated first`);
}

/** Throw unless `value` is a whole number above 0. */
export function checkCount(name: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(
      `Cannot create ${name}: ${what} must be a whole number above 0: current value is ${value}`,
    );
  }
}
