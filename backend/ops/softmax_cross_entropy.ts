import * as tf from "@tensorflow/tfjs-core";
import { equal } from "./comparisons.ts";
import { logSoftmax } from "./log_softmax.ts";
import { where } from "./where.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.losses.softmaxCrossEntropy` with the right gradient for labels that do
 * not sum to one: Σ labels · softmax(logits) - labels.
 */
export function softmaxCrossEntropy<T extends tf.Tensor, O extends tf.Tensor>(
  onehotLabels: T | tf.TensorLike,
  logits: T | tf.TensorLike,
  weights?: tf.Tensor | tf.TensorLike,
  labelSmoothing = 0,
  reduction: tf.Reduction = tf.Reduction.SUM_BY_NONZERO_WEIGHTS,
): O {
  const scores = toTensor("compute softmaxCrossEntropy", "logits", logits);
  let labels: tf.Tensor = toTensor(
    "compute softmaxCrossEntropy",
    "onehotLabels",
    onehotLabels,
  );
  tf.util.assertShapesMatch(
    labels.shape,
    scores.shape,
    "Error in softmaxCrossEntropy: ",
  );
  if (labelSmoothing > 0) {
    // tfjs divides by the size of the second axis, whatever the rank.
    const classes = labels.shape[labels.rank - 1]!;
    labels = tf.add(
      tf.mul(labels, 1 - labelSmoothing),
      labelSmoothing / classes,
    );
  }
  const logs = logSoftmax(scores);
  // A class with the label 0 and no chance counts nothing: 0 ln 0 is 0.
  const isNothing = tf.logicalAnd(equal(labels, 0), equal(logs, -Infinity));
  const counted = where(isNothing, tf.zerosLike(logs), logs);
  const losses = tf.neg(tf.sum(tf.mul(counted, labels), -1));
  return tf.losses.computeWeightedLoss(losses, weights, reduction);
}
