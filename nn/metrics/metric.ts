/**
 * The interface of metrics, and sums that are read from the device.
 *
 * @module
 */
import { rule, type ValueRule } from "../../internal/check.ts";
import * as tf from "../../tf.ts";

/**
 * A number, or several, computed from many batches.
 *
 * `update` reduces a batch on the device and begins to read the few numbers that
 * are left, without waiting for them. `compute` waits. They are summed on the host in
 * float64.
 *
 * @typeParam A The arguments of `update`.
 * @typeParam V The result of `compute`.
 */
export interface Metric<A extends readonly unknown[], V> {
  /**
   * Which values are better: lower ones (`"min"`) or higher ones (`"max"`). Without it,
   * a metric that is monitored needs the direction from its caller.
   */
  readonly mode?: "min" | "max";
  /** Forgets all batches. */
  reset(): void;
  /** Adds a batch. */
  update(...args: A): void;
  /** The value for all batches since the last reset. */
  compute(): Promise<V>;
}

const METHODS = ["reset", "update", "compute"] as const;

/** A metric, for checks. Internal. */
export const metricRule: ValueRule = rule(
  "a metric",
  (x) =>
    typeof x === "object" && x !== null &&
    METHODS.every((name) =>
      typeof (x as Record<string, unknown>)[name] === "function"
    ),
);

/** Sums of tensors that are read from the device while others are added. */
export class Sums {
  readonly #name: string;
  #pending: Promise<Float64Array>[] = [];
  #total: Float64Array | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** Forgets all tensors. */
  reset(): void {
    this.#pending = [];
    this.#total = null;
  }

  /** Adds the tensor that `fn` returns; intermediate tensors are freed. */
  add(fn: () => tf.Tensor): void {
    const sums = tf.keep(tf.tidy(fn));
    const reading = sums.data()
      .then((values) => Float64Array.from(values))
      .finally(() => sums.dispose());
    // The error belongs to `read`; without one it must not end the process.
    reading.catch(() => {});
    this.#pending.push(reading);
  }

  /**
   * The sums of all tensors added.
   *
   * @throws {Error} If there is none.
   */
  async read(): Promise<Float64Array> {
    // Tensors added while this waits, and a reset, apply to the next read.
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

/** The error of a metric that is computed before an update. */
export function notUpdated(name: string): Error {
  return new Error(`Cannot compute ${name}: it must be updated first`);
}
