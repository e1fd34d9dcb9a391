import * as tf from "@tensorflow/tfjs-core";
import { equal, notEqual } from "./comparisons.ts";
import { divNoNan } from "./div_no_nan.ts";
import { sigmoidCrossEntropy } from "./sigmoid_cross_entropy.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";
import { where } from "./where.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.losses.computeWeightedLoss`, which is 0 where all weights are: tfjs' is 0 / 0.
 * What has no weight counts nothing, whatever its loss is.
 *
 * @param losses The losses, of any shape.
 * @param weights One for each loss, or broadcast to them. Default: ones.
 * @param reduction Default: the sum over the number of weights that are not 0.
 */
export function computeWeightedLoss<T extends tf.Tensor, O extends tf.Tensor>(
  losses: T | tf.TensorLike,
  weights?: tf.Tensor | tf.TensorLike,
  reduction: tf.Reduction = tf.Reduction.SUM_BY_NONZERO_WEIGHTS,
): O {
  if (weights === undefined || weights === null) {
    return tf.losses.computeWeightedLoss(losses, undefined, reduction);
  }
  const list = toTensor("weigh losses", "losses", losses);
  const factors = toTensor("weigh losses", "weights", weights);
  const weighted = where(
    equal(factors, 0),
    tf.zerosLike(list),
    tf.mul(list, factors),
  );
  const { Reduction } = tf;
  if (reduction === Reduction.NONE) return weighted as unknown as O;
  const total = tf.sum(weighted);
  if (reduction === Reduction.SUM) return total as unknown as O;
  const each = tf.mul(factors, tf.onesLike(list));
  const count = reduction === Reduction.MEAN
    ? tf.sum(each)
    : tf.sum(tf.cast(notEqual(each, 0), "float32"));
  return divNoNan(total, count);
}

type Loss = (...args: never[]) => tf.Tensor;

/** A loss of tfjs, which has its weights and its reduction at these arguments. */
function weighted<F extends Loss>(
  loss: F,
  weights: number,
  reduction: number,
): F {
  return ((...args: unknown[]) => {
    const own = [...args];
    own[weights] = undefined;
    own[reduction] = tf.Reduction.NONE;
    return computeWeightedLoss(
      loss(...own as never[]),
      args[weights] as tf.Tensor | undefined,
      args[reduction] as tf.Reduction | undefined,
    );
  }) as unknown as F;
}

/** tfjs' losses, with ours in place. */
export const losses: typeof tf.losses = {
  ...tf.losses,
  absoluteDifference: weighted(tf.losses.absoluteDifference, 2, 3),
  computeWeightedLoss,
  cosineDistance: weighted(tf.losses.cosineDistance, 3, 4),
  hingeLoss: weighted(tf.losses.hingeLoss, 2, 3),
  huberLoss: weighted(tf.losses.huberLoss, 2, 4),
  logLoss: weighted(tf.losses.logLoss, 2, 4),
  meanSquaredError: weighted(tf.losses.meanSquaredError, 2, 3),
  sigmoidCrossEntropy: weighted(sigmoidCrossEntropy, 2, 4),
  softmaxCrossEntropy: weighted(softmaxCrossEntropy, 2, 4),
};
