/**
 * Values that are put on the device again and again, as the `1` of `tf.add(x, 1)` is.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs-core";

/** The most elements whose values are compared one by one. */
const SMALL = 16;
/** The most elements of one value. */
const LARGE = 2 ** 14;
/** The most values that are remembered, and the most buffers. */
const MOST = 2 ** 10;

/**
 * Buffers for values that come again. Values are shared from the third time on, so
 * that numbers which change each step leave nothing behind.
 */
export class Constants {
  readonly #seen = new Set<string>();
  readonly #buffers = new Map<string, GPUBuffer>();
  readonly #values = new WeakMap<GPUBuffer, tf.TypedArray>();

  /**
   * The buffer for values, if they have come before.
   *
   * @param make Makes a buffer with the values, which is not written afterwards.
   */
  of(
    values: tf.TypedArray,
    dtype: string,
    make: () => GPUBuffer,
  ): GPUBuffer | undefined {
    const key = keyOf(values, dtype);
    if (key === undefined) return undefined;
    const known = this.#buffers.get(key);
    if (known) return known;
    if (!this.#seen.has(key)) {
      if (this.#seen.size >= MOST) this.#seen.clear();
      this.#seen.add(key);
      return undefined;
    }
    if (this.#buffers.size >= MOST) return undefined;
    const buffer = make();
    this.#buffers.set(key, buffer);
    this.#values.set(buffer, values.slice());
    return buffer;
  }

  /** The values in a buffer that is shared; undefined if it is not. */
  in(buffer: GPUBuffer): tf.TypedArray | undefined {
    return this.#values.get(buffer);
  }
}

/** What tells values from others; undefined for those that are too many. */
function keyOf(values: ArrayLike<number>, dtype: string): string | undefined {
  const { length } = values, first = values[0]!;
  // A zero has a sign, and NaN is not equal to itself.
  const text = (x: number) => Object.is(x, -0) ? "-0" : `${x}`;
  if (length <= SMALL) {
    return `${dtype} ${Array.from(values, text).join()}`;
  }
  if (length > LARGE) return undefined;
  for (let i = 1; i < length; i++) {
    if (!Object.is(values[i], first)) return undefined;
  }
  return `${dtype} ${length} times ${text(first)}`;
}
