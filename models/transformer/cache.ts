/**
 * Keys and values of places that have been computed before.
 *
 * @module
 */
import { refuse } from "../../internal/check.ts";
import "../../internal/dispose.ts";
import * as tf from "../../tf.ts";

/** Keys and values of one layer, `[batch, places, heads, size]` each. */
type Pair = readonly [key: tf.Tensor4D, value: tf.Tensor4D];

/**
 * The keys and values that each layer of a causal transformer has computed, so that the
 * next places need not compute them again. It owns its tensors: dispose of it.
 */
export class KeyValueCache {
  #layers: Pair[] = [];
  #next: Pair[] = [];

  /** How many places there are. */
  get length(): number {
    return this.#layers[0]?.[0].shape[1] ?? 0;
  }

  /** How many sequences there are; 0 before the first. */
  get batch(): number {
    return this.#layers[0]?.[0].shape[0] ?? 0;
  }

  /** Keys and values of the next layer: those that were here, and these. Internal. */
  extend(
    key: tf.Tensor4D,
    value: tf.Tensor4D,
  ): readonly [tf.Tensor4D, tf.Tensor4D] {
    const past = this.#layers[this.#next.length];
    if (
      past && !tf.util.arraysEqual(past[0].shape.slice(2), key.shape.slice(2))
    ) {
      const [, , heads, size] = past[0].shape;
      const is = `[any, any, ${heads}, ${size}], as in the cache`;
      refuse("use a cache", "the shape of keys", is, key.shape);
    }
    const pair = [key, value].map((x, i) =>
      tf.keep(past ? tf.concat([past[i]!, x], 1) : tf.clone(x))
    ) as [tf.Tensor4D, tf.Tensor4D];
    this.#next.push(pair);
    return pair;
  }

  /**
   * Runs `fn`, which extends each layer; if it throws, the cache stays as it was.
   * Internal.
   */
  extending<T>(fn: () => T): T {
    try {
      const result = fn();
      const { length } = this.#layers;
      if (length > 0 && length !== this.#next.length) {
        const is = `${length}, as in the cache`;
        refuse("use a cache", "the number of layers", is, this.#next.length);
      }
      [this.#layers, this.#next] = [this.#next, this.#layers];
      return result;
    } finally {
      tf.dispose(this.#next.flat());
      this.#next = [];
    }
  }

  /** Frees all keys and values; the cache is empty then. */
  dispose(): void {
    tf.dispose(this.#layers.flat());
    this.#layers = [];
  }

  /** As {@linkcode KeyValueCache.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
