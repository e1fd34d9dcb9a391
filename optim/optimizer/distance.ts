/**
 * The estimate of optimizers that find their rate by themselves.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { OptimizerOptions } from "../transforms/options.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * The greatest number in slot `d` of the first group.
 *
 * @throws {Error} If it has no parameters.
 */
export async function distanceOf<O extends OptimizerOptions>(
  optimizer: Optimizer<O>,
): Promise<number> {
  const [first] = optimizer.paramGroups, { d } = optimizer.optState.slots;
  const paths = Object.keys(first?.params ?? {});
  if (!d || paths.length === 0) {
    throw new Error(
      `Cannot read the distance of ${optimizer.constructor.name}: there must be parameters: call registerTrainableWeights(params) first`,
    );
  }
  const greatest = tf.tidy(() => tf.max(tf.stack(paths.map((p) => d[p]!))));
  try {
    return (await greatest.data())[0]!;
  } finally {
    greatest.dispose();
  }
}
