/**
 * The mask of dropout.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import * as randomness from "../../random.ts";
import type { RandomState } from "../../random.ts";

/** `kept` with probability `1 - rate`, else 0, for each element of `shape`. */
export function dropoutMask(
  shape: readonly number[],
  rate: number,
  kept: number,
  random: RandomState = randomness.default,
): tf.Tensor {
  const words = random.words(tf.util.sizeFromShape([...shape]));
  const values = new Float32Array(words.length);
  const limit = rate * 2 ** 32;
  for (let i = 0; i < words.length; i++) {
    values[i] = words[i]! < limit ? 0 : kept;
  }
  return tf.tensor(values, [...shape]);
}
