/**
 * The mask of dropout.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import * as randomness from "../../random.ts";
import type { RandomState } from "../../random.ts";

/** `kept` with probability `1 - rate`, else 0, for each element of `shape`. */
export function dropoutMask(
  shape: readonly number[],
  rate: number,
  kept: number,
  random: RandomState = randomness.default,
): tf.Tensor {
  const limit = rate * 2 ** 32;
  return random.tensor(
    [...shape] as tf.ShapeMap[tf.Rank],
    (word) => word < limit ? 0 : kept,
  );
}
