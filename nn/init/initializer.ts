/**
 * The interface of initializers.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { rule, type ValueRule } from "../../internal/check.ts";
import type { RandomState } from "../../random.ts";

/** Creates the values that a parameter has before training. */
export interface Initializer {
  /**
   * A new tensor.
   *
   * @param shape The sizes of its axes. Weights are `[..., in, out]`.
   * @param random Where to draw from. Default: the default stream.
   */
  init(shape: readonly number[], random?: RandomState): tf.Tensor;
}

/** An initializer, for checks. */
export const initializer: ValueRule = rule(
  "an initializer",
  (x) =>
    typeof x === "object" && x !== null && "init" in x &&
    typeof x.init === "function",
);

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
