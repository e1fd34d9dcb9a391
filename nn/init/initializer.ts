/**
 * What initializers are.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { RandomState } from "../../random.ts";

/** What a parameter is before training. */
export interface Initializer {
  /**
   * A new tensor.
   *
   * @param shape The sizes of its axes. Weights are `[..., in, out]`.
   * @param random Where to draw from. Default: the default stream.
   */
  init(shape: readonly number[], random?: RandomState): tf.Tensor;
}

/** The last two sizes of a shape. */
export function matrix(
  name: string,
  shape: readonly number[],
): [number, number] {
  if (shape.length < 2) {
    throw new RangeError(
      `Cannot initialize with ${name}: the shape must have at least 2 axes: current value is [${shape}]`,
    );
  }
  return [shape.at(-2)!, shape.at(-1)!];
}
