/**
 * Draws of booleans, integers and permutations.
 *
 * @module
 */
import { perExample } from "../internal/batching.ts";
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  check,
  checkOptions,
  type OptionRules,
  refuse,
} from "../internal/check.ts";
import {
  checkShape,
  defaultState,
  DRAW_RULES,
  type DrawOptions,
} from "./default.ts";
import type { RandomState } from "./state.ts";

/** Options of {@linkcode bernoulli}. */
export interface BernoulliOptions extends DrawOptions {
  /** The probability of true. Default: 1/2. */
  readonly p?: number;
}

/** Options of {@linkcode randint}. */
export interface RandintOptions extends DrawOptions {
  /** The lowest integer. Default: 0. */
  readonly min?: number;
  /** The integer above the highest one. */
  readonly max: number;
}

/** Options of {@linkcode choice}. */
export interface ChoiceOptions extends DrawOptions {
  /** The number of draws. Default: 1. */
  readonly size?: number;
  /** Whether an integer may be drawn more than once. Default: false. */
  readonly replace?: boolean;
}

const BERNOULLI: OptionRules<BernoulliOptions> = {
  ...DRAW_RULES,
  p: "in [0, 1]",
};
const RANDINT: OptionRules<RandintOptions> = {
  ...DRAW_RULES,
  min: "an integer",
  max: "an integer",
};
const CHOICE: OptionRules<ChoiceOptions> = {
  ...DRAW_RULES,
  size: "a nonnegative integer",
  replace: boolean,
};

/**
 * True with probability `p`, independently for each element.
 *
 * @param shape The sizes of the axes.
 * @param options See {@linkcode BernoulliOptions}.
 * @returns A tensor of dtype `bool`.
 */
export function bernoulli<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  options: BernoulliOptions = {},
): tf.Tensor<R> {
  checkShape("draw Bernoulli numbers", shape);
  checkOptions("draw Bernoulli numbers", options, BERNOULLI);
  const { p = 0.5, random = defaultState } = options;
  const limit = p * 2 ** 32;
  return perExample(shape, (shape) => {
    const words = random.words(tf.util.sizeFromShape(shape));
    const values = Uint8Array.from(words, (w) => w < limit ? 1 : 0);
    return tf.tensor(values, shape, "bool");
  }) as tf.Tensor<R>;
}

/**
 * Integers from `min` to `max - 1`, with equal probabilities.
 *
 * @param shape The sizes of the axes.
 * @param options See {@linkcode RandintOptions}.
 * @returns A tensor of dtype `int32`.
 * @throws {RangeError} If they are not integers, `min` is not below `max`, or the range
 * exceeds that of int32.
 */
export function randint<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  options: RandintOptions,
): tf.Tensor<R> {
  checkShape("draw integers", shape);
  checkOptions("draw integers", options, RANDINT);
  const { min = 0, max, random = defaultState } = options;
  check("draw integers", "max", max, "an integer");
  if (min >= max) refuse("draw integers", "min", `below max, ${max}`, min);
  if (min < -(2 ** 31)) refuse("draw integers", "min", "at least -2^31", min);
  if (max > 2 ** 31) refuse("draw integers", "max", "at most 2^31", max);
  return perExample(shape, (shape) => {
    const below = sampler(random, tf.util.sizeFromShape(shape));
    const values = new Int32Array(tf.util.sizeFromShape(shape));
    for (let i = 0; i < values.length; i++) values[i] = min + below(max - min);
    return tf.tensor(values, shape, "int32");
  }) as tf.Tensor<R>;
}

/**
 * The integers below `n` in random order, all orders with equal probability
 * (Fisher and Yates).
 *
 * @param n A nonnegative integer.
 * @param options The stream to draw from.
 * @returns An array on the host, for indices to gather or slice.
 */
export function permutation(
  n: number,
  options: DrawOptions = {},
): Int32Array<ArrayBuffer> {
  checkOptions("permute", options, DRAW_RULES);
  check("permute", "n", n, "a nonnegative integer");
  return choice(n, { ...options, size: n });
}

/**
 * Draws from the integers below `n`.
 *
 * @param n A nonnegative integer.
 * @param options See {@linkcode ChoiceOptions}.
 * @throws {RangeError} If `size` is above `n` without `replace`.
 */
export function choice(
  n: number,
  options: ChoiceOptions = {},
): Int32Array<ArrayBuffer> {
  checkOptions("choose", options, CHOICE);
  check("choose", "n", n, "a nonnegative integer");
  const { size = 1, replace = false, random = defaultState } = options;
  if (size > n && (!replace || n === 0)) {
    refuse("choose", "size", `at most ${n} without replace`, size);
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
 * A function that returns an integer below `n`, to be called up to `count` times. It
 * uses 53 bits of two words, so the probabilities differ by about 1e-16 n.
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
