import * as tf from "@tensorflow/tfjs-core";
import { equal, greater } from "./comparisons.ts";
import { toTensor } from "./to_tensor.ts";
import { where } from "./where.ts";

/**
 * `tf.losses.sigmoidCrossEntropy`, with what it is for infinite logits: 0 where the
 * label is what they say, else Infinity, with gradient 0; and with the gradient
 * `σ(x) - z`, also for the logit 0.
 *
 * ```text
 * loss = -z ln σ(x) - (1 - z) ln(1 - σ(x))
 * ```
 */
export function sigmoidCrossEntropy<T extends tf.Tensor, O extends tf.Tensor>(
  multiClassLabels: T | tf.TensorLike,
  logits: T | tf.TensorLike,
  weights?: tf.Tensor | tf.TensorLike,
  labelSmoothing = 0,
  reduction: tf.Reduction = tf.Reduction.SUM_BY_NONZERO_WEIGHTS,
): O {
  const action = "compute sigmoidCrossEntropy";
  const x = toTensor(action, "logits", logits);
  const labels = toTensor(action, "multiClassLabels", multiClassLabels);
  const isInfinite = tf.isInf(x);
  const z = labelSmoothing > 0
    ? tf.add(tf.mul(labels, 1 - labelSmoothing), 0.5 * labelSmoothing)
    : labels;
  const usual = ofFinite(where(isInfinite, tf.zerosLike(x), x), z);
  const other = where(greater(x, 0), tf.sub(1, z), z);
  const limit = where(equal(other, 0), tf.scalar(0), tf.scalar(Infinity));
  const losses = where<tf.Tensor>(isInfinite, limit, usual);
  return tf.losses.computeWeightedLoss(losses, weights, reduction);
}

/** tfjs' losses, whose gradient is `-z` for the logit 0. */
function ofFinite(x: tf.Tensor, z: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((x, z, save) => {
    const inputs = [x as tf.Tensor, z as tf.Tensor] as const;
    (save as tf.GradSaveFunc)([...inputs]);
    const { NONE } = tf.Reduction;
    const value: tf.Tensor = tf.losses.sigmoidCrossEntropy(
      inputs[1],
      inputs[0],
      undefined,
      0,
      NONE,
    );
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, z] = saved as [tf.Tensor, tf.Tensor];
      return [
        tf.mul(dy, tf.sub(tf.sigmoid(x), z)),
        tf.neg(tf.mul(dy, x)),
      ];
    };
    return { value, gradFunc };
  });
  return op(x, z);
}
