/**
 * Batch normalization over the batches of all ranks.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../autodiff/mod.ts";
import { callable, check } from "../internal/check.ts";
import { type SumOverParts, withParts } from "../nn/layers/batch_norm.ts";
import type { World } from "./world.ts";

/**
 * A loss in which batch normalization takes the statistics of the batches of all ranks
 * together, as one process with the whole batch does; without it each rank normalizes its
 * part by itself. Gradients are those of the sum of the losses of all ranks.
 *
 * Ranks exchange sums twice in each such layer, forwards and backwards, for which values
 * are read from the device: such steps are not compiled, and not possible on WebGPU in
 * browsers.
 *
 * @example Usage
 * ```ts
 * import { mpi, synchronizeBatchNorm } from "@braintape/braintape/distributed";
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 *
 * await useBackend("cpu");
 * const world = mpi();
 * const model = new nn.Sequential(new nn.Linear(1, 4), new nn.BatchNorm0d(4));
 * const x = train.column(Float32Array.of(0, 1, 2, 3), [1]);
 * await train.fit({
 *   world,
 *   model,
 *   optimizer: new optim.SGD({ lr: 0.1 })
 *     .registerTrainableWeights(model.states(ParamState)),
 *   loss: synchronizeBatchNorm(
 *     world,
 *     (x: tf.Tensor2D) => tf.mean<tf.Scalar>(tf.square(model.call(x))),
 *   ),
 *   data: train.batches([x], { batchSize: 4, shard: world.shard }),
 *   epochs: 1,
 * });
 * ```
 *
 * @typeParam Args The tensors of a batch.
 * @param world The ranks.
 * @param loss The loss.
 * @returns The loss with common statistics.
 */
export function synchronizeBatchNorm<Args extends readonly unknown[]>(
  world: World,
  loss: (...batch: Args) => tf.Scalar,
): (...batch: Args) => tf.Scalar {
  check("synchronize", "the loss", loss, callable);
  if (world.size === 1) return loss;
  const sum: SumOverParts = {
    tensor: customGradient((x: tf.Tensor) => ({
      value: sumOf(world, x),
      gradient: (dy) => sumOf(world, dy),
    })),
    number: (x) => world.sum(x)[0]!,
  };
  return (...batch) => withParts(sum, () => loss(...batch));
}

/** A new tensor: the sum over all ranks. */
function sumOf(world: World, x: tf.Tensor): tf.Tensor {
  const values = Float32Array.from(x.dataSync<"float32">());
  world.reduceInPlace(values);
  return tf.tensor(values, x.shape);
}
