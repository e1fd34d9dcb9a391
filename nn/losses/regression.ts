/**
 * Losses of regression.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { defineLoss, type Loss } from "./loss.ts";
import type { LossOptions, Reduction } from "./reduction.ts";

/** `(p - t)²`; with `reduction: "mean"` it is the mean squared error. */
export const squaredError: Loss = defineLoss(
  "squaredError",
  (p, t) => tf.square(tf.sub(p, t)),
);

/** `(p - t)² / 2`, whose derivative is the error. */
export const l2Loss: Loss = defineLoss(
  "l2Loss",
  (p, t) => tf.mul(tf.square(tf.sub(p, t)), 0.5),
);

/** `|p - t|`; the derivative at 0 is 0. */
export const absoluteError: Loss = defineLoss(
  "absoluteError",
  (p, t) => tf.abs(tf.sub(p, t)),
);

/** Options of {@linkcode huberLoss}. */
export interface HuberLossOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** The error up to which the loss is quadratic. Default: 1. */
  readonly delta?: number;
}

/**
 * Quadratic for small errors `e = p - t`, linear for large ones.
 *
 * ```text
 * e² / 2             where |e| ≤ δ
 * δ (|e| - δ / 2)    elsewhere
 * ```
 *
 * (Huber 1964.) Torch's `smooth_l1_loss` is this divided by δ.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const losses = nn.huberLoss(tf.tensor1d([0.5, 2]), tf.zeros([2]));
 * assertEquals([...await losses.data()], [0.125, 1.5]);
 * ```
 */
export const huberLoss: Loss<HuberLossOptions> = defineLoss<HuberLossOptions>(
  "huberLoss",
  (p, t, { delta = 1 }) => {
    const size = tf.abs(tf.sub(p, t));
    const excess = tf.relu(tf.sub(size, delta));
    const quadratic = tf.mul(tf.square(tf.sub(size, excess)), 0.5);
    return tf.add(quadratic, tf.mul(excess, delta));
  },
  { delta: "a positive number" },
);

/** `ln cosh(p - t)`: near half the square for small errors, near the absolute error minus ln 2 for large ones. */
export const logCosh: Loss = defineLoss("logCosh", (p, t) => {
  // ln cosh e = e + ln(1 + e⁻²ᵉ) - ln 2, in which softplus does not overflow.
  const e = tf.sub(p, t);
  return tf.sub(tf.add(e, tf.softplus(tf.mul(e, -2))), Math.LN2);
});
