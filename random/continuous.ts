/**
 * Draws from continuous distributions, and classes by the Gumbel-max trick.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { inspectAtOnce } from "../backend/read.ts";
import { check, checkOptions, refuse, tensor } from "../internal/check.ts";
import {
  checkShape,
  defaultState,
  DRAW_RULES,
  type DrawOptions,
} from "./default.ts";
import {
  checkDistribution,
  type NormalOptions,
  type TruncatedNormalOptions,
  type UniformOptions,
} from "./distributions.ts";
import { midpoint, normalCdf, normalOf, probit } from "./normal.ts";
import type { RandomState } from "./state.ts";

/**
 * Uniform numbers in `[min, max)`, in steps of `(max - min) / 2^24`.
 *
 * @param shape The sizes of the axes.
 * @param options See {@linkcode UniformOptions}.
 * @throws {RangeError} If `min` is above `max`.
 */
export function uniform<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  options: UniformOptions = {},
): tf.Tensor<R> {
  checkShape("draw uniform numbers", shape);
  checkDistribution("draw uniform numbers", "uniform", options, DRAW_RULES);
  const { min = 0, max = 1, random = defaultState } = options;
  // A number below max may be rounded up to it.
  const highest = Math.max(floatBelow(max), min);
  return draw(
    shape,
    random,
    (word) => Math.min(min + (max - min) * fraction(word), highest),
  );
}

/** The largest float32 below `x`. */
function floatBelow(x: number): number {
  const float = new Float32Array([x]);
  const bits = new Int32Array(float.buffer);
  if (float[0]! < x) return float[0]!;
  if (float[0] === 0) return -(2 ** -149);
  // The bits of negative numbers count away from 0.
  bits[0]! += float[0]! > 0 ? -1 : 1;
  return float[0]!;
}

/**
 * Normal numbers.
 *
 * `mean + std Φ⁻¹(u)`, which reaches 6.3 standard deviations.
 *
 * @param shape The sizes of the axes.
 * @param options See {@linkcode NormalOptions}.
 */
export function normal<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  options: NormalOptions = {},
): tf.Tensor<R> {
  checkShape("draw normal numbers", shape);
  checkDistribution("draw normal numbers", "normal", options, DRAW_RULES);
  const { mean = 0, std = 1, random = defaultState } = options;
  return draw(shape, random, normalOf(mean, std));
}

/**
 * Normal numbers between two bounds.
 *
 * `mean + std Φ⁻¹(Φ(lower) + u (Φ(upper) - Φ(lower)))`, which rejects no number, even
 * between bounds far from the mean.
 *
 * @param shape The sizes of the axes.
 * @param options See {@linkcode TruncatedNormalOptions}.
 * @throws {RangeError} If `lower` is not below `upper`.
 */
export function truncatedNormal<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  options: TruncatedNormalOptions = {},
): tf.Tensor<R> {
  const action = "draw truncated normal numbers";
  checkShape(action, shape);
  checkDistribution(action, "truncatedNormal", options, DRAW_RULES);
  const { mean = 0, std = 1, lower = -2, upper = 2 } = options;
  const { random = defaultState } = options;
  // Φ is precise near 0, not near 1: in the upper tail, use the mirror image.
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
 * @throws {RangeError} If a row has NaN, or only -Infinity. On WebGPU, which cannot read
 * logits without waiting, the class of the row is -1.
 */
export function categorical(
  logits: tf.Tensor,
  options: DrawOptions = {},
): tf.Tensor {
  check("draw classes", "logits", logits, tensor);
  checkOptions("draw classes", options, DRAW_RULES);
  const { random = defaultState } = options;
  return tf.tidy(() => {
    const gumbel = draw(
      logits.shape as tf.ShapeMap[tf.Rank],
      random,
      (word) => -Math.log(-Math.log(midpoint(word))),
    );
    const classes = tf.argMax(tf.add(logits, gumbel), -1);
    const possible = tf.greater(tf.max(logits, -1), -Infinity);
    const isNaN = tf.any(tf.isNaN(tf.cast(logits, "float32")), -1);
    const valid = tf.logicalAnd(possible, tf.logicalNot(isNaN));
    const isChecked = inspectAtOnce(valid, (values) => {
      const row = values.indexOf(0);
      if (row < 0) return;
      const is = "numbers or -Infinity, and not -Infinity only";
      refuse("draw classes", "logits", is, `row ${row} of them`);
    });
    return isChecked
      ? classes
      : tf.where(valid, classes, tf.scalar(-1, "int32"));
  });
}

/** In [0, 1): the 24 bits that float32 holds. */
function fraction(word: number): number {
  return (word >>> 8) / 2 ** 24;
}

/** A tensor of `value(word)`, one word for each element. */
function draw<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  random: RandomState,
  value: (word: number) => number,
): tf.Tensor<R> {
  return random.tensor(shape, value);
}
