/**
 * Losses of yes or no.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import {
  checkSameShape,
  type LossOptions,
  reduce,
  type Reduced,
  type Reduction,
} from "./reduction.ts";

/** Options of {@linkcode sigmoidBinaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** How much more a positive counts than a negative. Default: 1. */
  readonly positiveWeight?: number | tf.Tensor;
}

/**
 * The cross entropy of targets and the sigmoid of logits.
 *
 * ```text
 * -w t ln σ(x) - (1 - t) ln(1 - σ(x)) = w t softplus(-x) + (1 - t) softplus(x)
 * ```
 *
 * As torch's `binary_cross_entropy_with_logits`.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const loss = nn.sigmoidBinaryCrossEntropy(
 *   tf.tensor1d([0, 0]),
 *   tf.tensor1d([0, 1]),
 *   { reduction: "mean" },
 * );
 * assertAlmostEquals((await loss.data())[0]!, Math.LN2, 1e-6);
 * ```
 *
 * @param logits Any shape.
 * @param targets The same shape: probabilities, such as 0 and 1.
 * @param options See {@linkcode BinaryCrossEntropyOptions}.
 */
export function sigmoidBinaryCrossEntropy<R extends Reduction = "none">(
  logits: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R, positiveWeight = 1 }: BinaryCrossEntropyOptions<
    R
  > = {},
): Reduced<R> {
  checkSameShape("sigmoidBinaryCrossEntropy", logits, targets);
  return tf.tidy(() =>
    reduce(crossEntropy(logits, targets, positiveWeight), reduction)
  );
}

function crossEntropy(
  logits: tf.Tensor,
  targets: tf.Tensor,
  positiveWeight: number | tf.Tensor = 1,
): tf.Tensor {
  const positive = tf.mul(targets, tf.softplus(tf.neg(logits)));
  const negative = tf.mul(tf.sub(1, targets), tf.softplus(logits));
  return tf.add(tf.mul(positive, positiveWeight), negative);
}

/** Probabilities are held this far from 0 and 1, where logarithms are infinite. */
const EPSILON = 1e-7;

/**
 * The cross entropy of targets and probabilities.
 *
 * ```text
 * -t ln p - (1 - t) ln(1 - p)
 * ```
 *
 * Probabilities are held between 1e-7 and 1 - 1e-7 (Keras). Of logits, use
 * {@linkcode sigmoidBinaryCrossEntropy}, which has no such limit.
 *
 * @param probabilities Any shape, in [0, 1].
 * @param targets The same shape.
 * @param options `reduction`.
 */
export function binaryCrossEntropy<R extends Reduction = "none">(
  probabilities: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  checkSameShape("binaryCrossEntropy", probabilities, targets);
  return tf.tidy(() => {
    const p = tf.clipByValue(probabilities, EPSILON, 1 - EPSILON);
    const positive = tf.mul(targets, tf.log(p));
    const negative = tf.mul(tf.sub(1, targets), tf.log(tf.sub(1, p)));
    return reduce(tf.neg(tf.add(positive, negative)), reduction);
  });
}

/** Options of {@linkcode sigmoidFocalLoss}. */
export interface FocalLossOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** The weight of positives; negatives weigh 1 minus it. Default: 0.25. */
  readonly alpha?: number;
  /** How little what is easy counts. Default: 2. */
  readonly gamma?: number;
}

/**
 * Cross entropy that counts little where the prediction is right already.
 *
 * ```text
 * α_t (1 - p_t)^γ (-ln p_t)         p_t = p where t is 1, else 1 - p
 * ```
 *
 * (Lin et al. 2017, "Focal Loss for Dense Object Detection"; as torchvision.)
 *
 * @param logits Any shape.
 * @param targets The same shape: 0 and 1.
 * @param options See {@linkcode FocalLossOptions}.
 */
export function sigmoidFocalLoss<R extends Reduction = "none">(
  logits: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R, alpha = 0.25, gamma = 2 }: FocalLossOptions<R> =
    {},
): Reduced<R> {
  checkSameShape("sigmoidFocalLoss", logits, targets);
  return tf.tidy(() => {
    const weigh = (yes: number | tf.Tensor, no: number | tf.Tensor) =>
      tf.add(tf.mul(targets, yes), tf.mul(tf.sub(1, targets), no));
    const wrong = weigh(tf.sigmoid(tf.neg(logits)), tf.sigmoid(logits));
    const losses = tf.mul(crossEntropy(logits, targets), tf.pow(wrong, gamma));
    return reduce(tf.mul(losses, weigh(alpha, 1 - alpha)), reduction);
  });
}
