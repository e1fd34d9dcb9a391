/**
 * Random numbers for each example of a batch, on the host.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { probit } from "../../random/normal.ts";
import type { RandomState } from "../../random.ts";

/** One number for each example of `x`, of a shape that broadcasts to that of `x`. */
export function perExample(numbers: Float64Array, x: tf.Tensor): tf.Tensor {
  const shape = x.shape.map((size, axis) => axis === 0 ? size : 1);
  return tf.tensor(Float32Array.from(numbers), shape);
}

/** `count` numbers in [0, 1), in steps of 2^-32. */
export function uniforms(random: RandomState, count: number): Float64Array {
  return Float64Array.from(random.words(count), (word) => word / 2 ** 32);
}

/** `count` integers from 0 to `max`. */
export function integersTo(
  max: number,
  random: RandomState,
  count: number,
): Int32Array {
  const draws = uniforms(random, count);
  return Int32Array.from(draws, (u) => Math.floor(u * (max + 1)));
}

/**
 * `count` numbers of the beta distribution with both parameters `alpha`:
 * `g / (g + g')` of two numbers of the gamma distribution.
 */
export function betas(
  alpha: number,
  random: RandomState,
  count: number,
): Float64Array {
  // Of logarithms, since numbers of a small alpha are too small for a double.
  return Float64Array.from({ length: count }, () => {
    const difference = logGamma(alpha, random) - logGamma(alpha, random);
    return 1 / (1 + Math.exp(-difference));
  });
}

/**
 * The logarithm of a number of the gamma distribution.
 *
 * Source: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables",
 * ACM Transactions on Mathematical Software 26(3), 2000.
 */
function logGamma(alpha: number, random: RandomState): number {
  const d = (alpha < 1 ? alpha + 1 : alpha) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  while (true) {
    const [a, b, boost] = random.words(3);
    const x = probit((a! + 0.5) / 2 ** 32);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = (b! + 0.5) / 2 ** 32;
    if (Math.log(u) >= x * x / 2 + d - d * v + d * Math.log(v)) continue;
    const drawn = Math.log(d * v);
    return alpha < 1
      ? drawn + Math.log((boost! + 0.5) / 2 ** 32) / alpha
      : drawn;
  }
}
