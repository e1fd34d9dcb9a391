/**
 * Numbers from distributions with a density, and what is made of them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { defaultState, type DrawOptions } from "./default.ts";
import { normalCdf, probit } from "./normal.ts";
import type { RandomState } from "./state.ts";

/**
 * Uniform numbers in `[min, max)`, in steps of `(max - min) / 2^24`.
 *
 * @param shape The sizes of the axes.
 * @param options `min`, 0 by default, and `max`, 1 by default.
 * @throws {RangeError} If `min` is above `max`.
 */
export function uniform<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  { min = 0, max = 1, random = defaultState }: DrawOptions & {
    readonly min?: number;
    readonly max?: number;
  } = {},
): tf.Tensor<R> {
  if (!(min <= max)) {
    throw new RangeError(
      `Cannot draw uniform numbers: min must be at most max: current values are ${min} and ${max}`,
    );
  }
  return draw(shape, random, (word) => min + (max - min) * fraction(word));
}

/**
 * Normal numbers.
 *
 * `mean + std Φ⁻¹(u)`, which reaches 6.3 standard deviations.
 *
 * @param shape The sizes of the axes.
 * @param options `mean`, 0 by default, and `std`, 1 by default.
 */
export function normal<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  { mean = 0, std = 1, random = defaultState }: DrawOptions & {
    readonly mean?: number;
    readonly std?: number;
  } = {},
): tf.Tensor<R> {
  checkStd("normal", std);
  return draw(shape, random, (word) => mean + std * probit(midpoint(word)));
}

/**
 * Normal numbers that lie between two bounds.
 *
 * `mean + std Φ⁻¹(Φ(lower) + u (Φ(upper) - Φ(lower)))`: of a narrow slice far out
 * as well, without rejecting any.
 *
 * @param shape The sizes of the axes.
 * @param options `mean`, `std`, and the bounds `lower` and `upper` in standard
 * deviations from the mean, -2 and 2 by default.
 * @throws {RangeError} If `lower` is not below `upper`.
 */
export function truncatedNormal<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  { mean = 0, std = 1, lower = -2, upper = 2, random = defaultState }:
    & DrawOptions
    & {
      readonly mean?: number;
      readonly std?: number;
      readonly lower?: number;
      readonly upper?: number;
    } = {},
): tf.Tensor<R> {
  checkStd("truncated normal", std);
  if (!(lower < upper)) {
    throw new RangeError(
      `Cannot draw truncated normal numbers: lower must be below upper: current values are ${lower} and ${upper}`,
    );
  }
  // Φ is exact near 0, not near 1: of the upper tail, take the mirror image.
  const mirror = lower > 0 ? -1 : 1;
  const from = normalCdf(mirror * (lower > 0 ? upper : lower));
  const to = normalCdf(mirror * (lower > 0 ? lower : upper));
  return draw(shape, random, (word) => {
    const z = mirror * probit(from + (to - from) * midpoint(word));
    return mean + std * Math.min(Math.max(z, lower), upper);
  });
}

/**
 * One class for each row of logits, by the Gumbel-max trick:
 * `argmax(logits + g)` with `g = -ln(-ln u)`.
 *
 * @param logits `[..., classes]`: logarithms of the probabilities, up to a constant
 * for each row. `-Infinity` forbids a class.
 * @returns `[...]`, of dtype `int32`.
 */
export function categorical(
  logits: tf.Tensor,
  { random = defaultState }: DrawOptions = {},
): tf.Tensor {
  return tf.tidy(() => {
    const gumbel = draw(
      logits.shape as tf.ShapeMap[tf.Rank],
      random,
      (word) => -Math.log(-Math.log(midpoint(word))),
    );
    return tf.argMax(tf.add(logits, gumbel), -1);
  });
}

/** In [0, 1): the 24 bits that float32 holds. */
function fraction(word: number): number {
  return (word >>> 8) / 2 ** 24;
}

/** In (0, 1): never an end, where an inverse would be infinite. */
function midpoint(word: number): number {
  return (word + 0.5) / 2 ** 32;
}

/** A tensor of `value(word)`, one word for each element. */
function draw<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  random: RandomState,
  value: (word: number) => number,
): tf.Tensor<R> {
  const words = random.words(tf.util.sizeFromShape(shape));
  const values = new Float32Array(words.length);
  for (let i = 0; i < words.length; i++) values[i] = value(words[i]!);
  return tf.tensor(values, shape, "float32");
}

function checkStd(distribution: string, std: number) {
  if (!(std >= 0)) {
    throw new RangeError(
      `Cannot draw ${distribution} numbers: std must be at least 0: current value is ${std}`,
    );
  }
}
