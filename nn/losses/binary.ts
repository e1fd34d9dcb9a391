/**
 * Losses of binary classification.
 *
 * @module
 */
import { either, tensor, type ValueRule } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { weigh } from "./log_products.ts";
import { defineLoss, type Loss } from "./loss.ts";
import type { LossOptions, Reduction } from "./reduction.ts";

/** Options of {@linkcode sigmoidBinaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** The weight of positives relative to negatives. Default: 1. */
  readonly positiveWeight?: number | tf.Tensor;
}

const numberOrTensor: ValueRule = (value) =>
  typeof value === "number"
    ? either("a nonnegative finite number")(value)
    : tensor(value);

/**
 * The cross entropy of targets and the sigmoid of logits `x`.
 *
 * ```text
 * -w t ln σ(x) - (1 - t) ln(1 - σ(x)) = w t softplus(-x) + (1 - t) softplus(x)
 * ```
 *
 * Targets are probabilities, such as 0 and 1; `w` is `positiveWeight`. As torch's
 * `binary_cross_entropy_with_logits`.
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
 */
export const sigmoidBinaryCrossEntropy: Loss<BinaryCrossEntropyOptions> =
  defineLoss<BinaryCrossEntropyOptions>(
    "sigmoidBinaryCrossEntropy",
    (x, t, { positiveWeight }) => crossEntropy(x, t, positiveWeight),
    { positiveWeight: numberOrTensor },
  );

function crossEntropy(
  logits: tf.Tensor,
  targets: tf.Tensor,
  positiveWeight: number | tf.Tensor = 1,
): tf.Tensor {
  const positive = weigh(targets, tf.softplus(tf.neg(logits)));
  const negative = weigh(tf.sub(1, targets), tf.softplus(logits));
  return tf.add(tf.mul(positive, positiveWeight), negative);
}

/** Probabilities are clipped this far from 0 and 1, where logarithms are infinite. */
const EPSILON = 1e-7;

/**
 * The cross entropy of targets and probabilities `p`.
 *
 * ```text
 * -t ln p - (1 - t) ln(1 - p)
 * ```
 *
 * Probabilities are clipped to [1e-7, 1 - 1e-7], as in Keras. For logits, use
 * {@linkcode sigmoidBinaryCrossEntropy}, which has no such limit.
 */
export const binaryCrossEntropy: Loss = defineLoss(
  "binaryCrossEntropy",
  (probabilities, t) => {
    const p = tf.clipByValue(probabilities, EPSILON, 1 - EPSILON);
    const positive = tf.mul(t, tf.log(p));
    const negative = tf.mul(tf.sub(1, t), tf.log(tf.sub(1, p)));
    return tf.neg(tf.add(positive, negative));
  },
);

/** The lower bound of `1 - p_t` where `γ` is below 1. */
const TINY = 1e-37;

/** Options of {@linkcode sigmoidFocalLoss}. */
export interface FocalLossOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** The weight of positives; that of negatives is 1 minus it. Default: 0.25. */
  readonly alpha?: number;
  /** The exponent that reduces the loss of well classified examples. Default: 2. */
  readonly gamma?: number;
}

/**
 * Cross entropy of logits, reduced where the prediction is already right.
 *
 * ```text
 * α_t (1 - p_t)^γ (-ln p_t)         p_t = σ(x) where t is 1, else 1 - σ(x)
 * ```
 *
 * Targets are 0 and 1. (Lin et al. 2017, "Focal Loss for Dense Object Detection"; as
 * torchvision.)
 */
export const sigmoidFocalLoss: Loss<FocalLossOptions> = defineLoss<
  FocalLossOptions
>(
  "sigmoidFocalLoss",
  (x, t, { alpha = 0.25, gamma = 2 }) => {
    const choose = (yes: number | tf.Tensor, no: number | tf.Tensor) =>
      tf.add(tf.mul(t, yes), tf.mul(tf.sub(1, t), no));
    const weights = choose(alpha, 1 - alpha);
    if (gamma === 0) return tf.mul(crossEntropy(x, t), weights);
    const wrong = choose(tf.sigmoid(tf.neg(x)), tf.sigmoid(x));
    // The slope of a power below 1 is infinite at 0.
    const base = gamma < 1 ? tf.maximum(wrong, TINY) : wrong;
    return tf.mul(tf.mul(crossEntropy(x, t), tf.pow(base, gamma)), weights);
  },
  { alpha: "in [0, 1]", gamma: "a nonnegative finite number" },
);
