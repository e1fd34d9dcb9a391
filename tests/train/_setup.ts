/**
 * A small model to train in tests.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { batches } from "../../data/batches.ts";
import { column } from "../../data/column.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";

/** The tensors of a batch. */
export type X = [tf.Tensor2D];

/** Eight examples in batches of two, in order unless shuffled. */
export function numbers(shuffle = false, batchSize = 2) {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  return batches([column(values, [1])], { batchSize, shuffle });
}

/** A model of one weight and one bias, with all that `fit` needs to train it. */
export function line(
  lr: number | optim.LRScheduler = 0.001,
  data: ReturnType<typeof numbers> = numbers(),
) {
  random.seed(1);
  const model = new nn.Linear(1, 1);
  const optimizer = new optim.SGD({ lr })
    .registerTrainableWeights(model.states(ParamState));
  const loss = (x: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), tf.mul(2, x)));
  return { model, optimizer, loss, data };
}

/** The parameters of a model. */
export async function weights(model: nn.Module): Promise<number[]> {
  const all: number[] = [];
  for (const { value } of Object.values(model.states(ParamState))) {
    all.push(...await value.data());
  }
  return all;
}
