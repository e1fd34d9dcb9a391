/**
 * Truths, integers and orders.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { defaultState, type DrawOptions } from "./default.ts";
import type { RandomState } from "./state.ts";

/**
 * True with probability `p`, each on its own.
 *
 * @param shape The sizes of the axes.
 * @param options `p`, ½ by default.
 * @returns A tensor of dtype `bool`.
 */
export function bernoulli<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  { p = 0.5, random = defaultState }: DrawOptions & { readonly p?: number } =
    {},
): tf.Tensor<R> {
  if (!(p >= 0 && p <= 1)) {
    throw new RangeError(
      `Cannot draw Bernoulli numbers: p must be in [0, 1]: current value is ${p}`,
    );
  }
  const words = random.words(tf.util.sizeFromShape(shape));
  const limit = p * 2 ** 32;
  return tf.tensor(
    Uint8Array.from(words, (w) => w < limit ? 1 : 0),
    shape,
    "bool",
  );
}

/**
 * Integers from `min` to below `max`, each equally likely.
 *
 * @param shape The sizes of the axes.
 * @param options `min`, 0 by default, and `max`.
 * @returns A tensor of dtype `int32`.
 * @throws {RangeError} If they are no integers, or `min` is not below `max`.
 */
export function randint<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  { min = 0, max, random = defaultState }: DrawOptions & {
    readonly min?: number;
    readonly max: number;
  },
): tf.Tensor<R> {
  if (!(Number.isInteger(min) && Number.isInteger(max) && min < max)) {
    throw new RangeError(
      `Cannot draw integers: min must be below max, both integers: current values are ${min} and ${max}`,
    );
  }
  const below = sampler(random, tf.util.sizeFromShape(shape));
  const values = new Int32Array(tf.util.sizeFromShape(shape));
  for (let i = 0; i < values.length; i++) values[i] = min + below(max - min);
  return tf.tensor(values, shape, "int32");
}

/**
 * The integers below `n` in random order, all orders equally likely
 * (Fisher and Yates).
 *
 * @param n A whole number.
 * @returns On the host, since it says what to gather, slice or read from a file.
 */
export function permutation(
  n: number,
  { random = defaultState }: DrawOptions = {},
): Int32Array<ArrayBuffer> {
  return choice(n, { size: n, random });
}

/**
 * `size` of the integers below `n`.
 *
 * @param n A whole number.
 * @param options `size`, 1 by default, and whether one may come more than once
 * (`replace`, false by default).
 * @throws {RangeError} If `n` or `size` is no whole number, or `size` is above `n`
 * without `replace`.
 */
export function choice(
  n: number,
  { size = 1, replace = false, random = defaultState }: DrawOptions & {
    readonly size?: number;
    readonly replace?: boolean;
  } = {},
): Int32Array<ArrayBuffer> {
  if (!(Number.isInteger(n) && n >= 0 && Number.isInteger(size) && size >= 0)) {
    throw new RangeError(
      `Cannot choose: n and size must be whole numbers: current values are ${n} and ${size}`,
    );
  }
  if (size > n && (!replace || n === 0)) {
    throw new RangeError(
      `Cannot choose: size must be at most ${n} without replace: current value is ${size}`,
    );
  }
  const below = sampler(random, size);
  if (replace) return Int32Array.from({ length: size }, () => below(n));
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const j = i + below(n - i);
    const chosen = order[j]!;
    order[j] = order[i]!;
    order[i] = chosen;
  }
  return order.slice(0, size);
}

/**
 * Up to `count` calls of a function that gives an integer below `n`. Of two words
 * it uses 53 bits, so what is not a multiple of `n` weighs 1e-16 n.
 */
function sampler(random: RandomState, count: number): (n: number) => number {
  const words = random.words(2 * count);
  let next = 0;
  return (n) => {
    const high = words[next++]! >>> 5;
    const low = words[next++]! >>> 6;
    return Math.floor((high * 2 ** 26 + low) / 2 ** 53 * n);
  };
}
