/**
 * Losses that compare directions, distributions and sides.
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

/** Norms are held above this, since a vector of zeros has no direction. */
const LEAST_NORM = 1e-8;

/**
 * The cosine of the angle between vectors, along the last axis.
 *
 * ```text
 * a·b / (max(|a|, 1e-8) max(|b|, 1e-8))
 * ```
 *
 * @param a `[..., features]`
 * @param b The same shape.
 * @returns `[...]`
 */
export function cosineSimilarity(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  checkSameShape("cosineSimilarity", a, b);
  return tf.tidy(() => {
    const norm = (x: tf.Tensor) =>
      tf.sqrt(tf.maximum(tf.sum(tf.square(x), -1), LEAST_NORM ** 2));
    return tf.div(tf.sum(tf.mul(a, b), -1), tf.mul(norm(a), norm(b)));
  });
}

/**
 * One minus {@linkcode cosineSimilarity}.
 *
 * @param predictions `[..., features]`
 * @param targets The same shape.
 * @param options `reduction`.
 * @returns `[...]`, or a scalar with a reduction.
 */
export function cosineDistance<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  return tf.tidy(() =>
    reduce(tf.sub(1, cosineSimilarity(predictions, targets)), reduction)
  );
}

/** Added under logarithms of targets: 0 ln 0 is 0. */
const TINY = 1e-37;

/**
 * The Kullback-Leibler divergence of the predictions from the targets, along the
 * last axis.
 *
 * ```text
 * Σ t (ln t - ln p)
 * ```
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const divergence = nn.klDivergence(
 *   tf.log(tf.tensor1d([0.5, 0.5])),
 *   tf.tensor1d([1, 0]),
 * );
 * assertAlmostEquals((await divergence.data())[0]!, Math.LN2, 1e-6);
 * ```
 *
 * @param logPredictions `[..., classes]`: logarithms of probabilities.
 * @param targets The same shape: probabilities.
 * @param options `reduction`.
 * @returns `[...]`, or a scalar with a reduction.
 */
export function klDivergence<R extends Reduction = "none">(
  logPredictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  checkSameShape("klDivergence", logPredictions, targets);
  return tf.tidy(() => {
    const logTargets = tf.log(tf.maximum(targets, TINY));
    const terms = tf.mul(targets, tf.sub(logTargets, logPredictions));
    return reduce(tf.sum(terms, -1), reduction);
  });
}

/**
 * `max(0, 1 - target · prediction)`: nothing on the right side of the margin.
 *
 * @param predictions Any shape.
 * @param targets The same shape: -1 and 1.
 * @param options `reduction`.
 */
export function hingeLoss<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  checkSameShape("hingeLoss", predictions, targets);
  return tf.tidy(() =>
    reduce(tf.relu(tf.sub(1, tf.mul(targets, predictions))), reduction)
  );
}

/**
 * Moves a share of each label to all classes: `(1 - share) label + share / classes`.
 *
 * @param labels `[..., classes]`
 * @param share In [0, 1].
 */
export function smoothLabels<T extends tf.Tensor>(labels: T, share: number): T {
  if (!(share >= 0 && share <= 1)) {
    throw new RangeError(
      `Cannot smooth labels: share must be in [0, 1]: current value is ${share}`,
    );
  }
  const classes = labels.shape.at(-1) ?? 1;
  return tf.tidy(() => tf.add(tf.mul(labels, 1 - share), share / classes) as T);
}
