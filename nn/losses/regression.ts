/**
 * Losses of numbers: how far a prediction is from its target.
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

/** A reduced function of the errors, `predictions - targets`. */
function ofErrors<R extends Reduction>(
  name: string,
  predictions: tf.Tensor,
  targets: tf.Tensor,
  reduction: R,
  loss: (errors: tf.Tensor) => tf.Tensor,
): Reduced<R> {
  checkSameShape(name, predictions, targets);
  return tf.tidy(() => reduce(loss(tf.sub(predictions, targets)), reduction));
}

/**
 * `(prediction - target)²`.
 *
 * @param predictions Any shape.
 * @param targets The same shape.
 * @param options `reduction`: `"mean"` is the mean squared error.
 */
export function squaredError<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  return ofErrors("squaredError", predictions, targets, reduction, tf.square);
}

/**
 * `(prediction - target)² / 2`, whose derivative is the error.
 *
 * @param predictions Any shape.
 * @param targets The same shape.
 * @param options `reduction`.
 */
export function l2Loss<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  return ofErrors(
    "l2Loss",
    predictions,
    targets,
    reduction,
    (errors) => tf.mul(tf.square(errors), 0.5),
  );
}

/**
 * `|prediction - target|`; the derivative at 0 is 0.
 *
 * @param predictions Any shape.
 * @param targets The same shape.
 * @param options `reduction`.
 */
export function absoluteError<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  return ofErrors("absoluteError", predictions, targets, reduction, tf.abs);
}

/** Options of {@linkcode huberLoss}. */
export interface HuberLossOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** Up to which error the loss is quadratic. Default: 1. */
  readonly delta?: number;
}

/**
 * Quadratic for small errors, linear for large ones.
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
 *
 * @param predictions Any shape.
 * @param targets The same shape.
 * @param options See {@linkcode HuberLossOptions}.
 */
export function huberLoss<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R, delta = 1 }: HuberLossOptions<R> = {},
): Reduced<R> {
  if (!(delta > 0)) {
    throw new RangeError(
      `Cannot compute huberLoss: delta must be above 0: current value is ${delta}`,
    );
  }
  return ofErrors("huberLoss", predictions, targets, reduction, (errors) => {
    const size = tf.abs(errors);
    const excess = tf.relu(tf.sub(size, delta));
    const quadratic = tf.mul(tf.square(tf.sub(size, excess)), 0.5);
    return tf.add(quadratic, tf.mul(excess, delta));
  });
}

/**
 * `ln cosh(prediction - target)`: like half the square near 0, like the absolute
 * error minus ln 2 far from it.
 *
 * @param predictions Any shape.
 * @param targets The same shape.
 * @param options `reduction`.
 */
export function logCosh<R extends Reduction = "none">(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  { reduction = "none" as R }: LossOptions<R> = {},
): Reduced<R> {
  // ln cosh e = e + ln(1 + e⁻²ᵉ) - ln 2, which has no large exponential in it
  // once softplus is used.
  return ofErrors(
    "logCosh",
    predictions,
    targets,
    reduction,
    (errors) =>
      tf.sub(tf.add(errors, tf.softplus(tf.mul(errors, -2))), Math.LN2),
  );
}
