/**
 * Losses that compare directions and distributions.
 *
 * @module
 */
import { check, tensor } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { weigh } from "./log_products.ts";
import { defineLoss, type Loss } from "./loss.ts";
import { checkSameShape } from "./reduction.ts";

/** The lower bound of norms, since the zero vector has no direction. */
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
  checkSameShape("compute cosineSimilarity", a, b);
  return tf.tidy(() => {
    const norm = (x: tf.Tensor) =>
      tf.sqrt(tf.maximum(tf.sum(tf.square(x), -1), LEAST_NORM ** 2));
    const [x, y] = [floats(a), floats(b)];
    return tf.div(tf.sum(tf.mul(x, y), -1), tf.mul(norm(x), norm(y)));
  });
}

/** One minus {@linkcode cosineSimilarity}: a loss for each row, `[..., features]` to `[...]`. */
export const cosineDistance: Loss = defineLoss(
  "cosineDistance",
  (p, t) => tf.sub(1, cosineSimilarity(p, t)),
);

/** Added under logarithms of targets: 0 ln 0 is 0. */
const TINY = 1e-37;

/**
 * The Kullback-Leibler divergence of predictions from targets: a loss for each row,
 * `[..., classes]` to `[...]`.
 *
 * ```text
 * Σ t (ln t - ln p)
 * ```
 *
 * The predictions are `ln p`, the targets probabilities. Where a target is 0, its term is
 * 0, even of a prediction of -Infinity.
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
 */
export const klDivergence: Loss = defineLoss("klDivergence", (logP, t) => {
  const logTargets = tf.log(tf.maximum(t, TINY));
  return tf.sum(weigh(t, tf.sub(logTargets, logP)), -1);
});

/** `max(0, 1 - t p)`, of targets -1 and 1. */
export const hingeLoss: Loss = defineLoss(
  "hingeLoss",
  (p, t) => tf.relu(tf.sub(1, tf.mul(t, p))),
);

/**
 * Moves a share of each label to all classes: `(1 - share) label + share / classes`.
 *
 * @param labels `[..., classes]`
 * @param share In [0, 1].
 */
export function smoothLabels<T extends tf.Tensor>(labels: T, share: number): T {
  check("smooth labels", "labels", labels, tensor);
  check("smooth labels", "share", share, "in [0, 1]");
  const classes = labels.shape.at(-1) ?? 1;
  return tf.tidy(() =>
    tf.add(tf.mul(floats(labels), 1 - share), share / classes) as T
  );
}
