/**
 * How the losses of single examples become one number.
 *
 * @module
 */
import { check, oneOf, tensor, type ValueRule } from "../../internal/check.ts";
import * as tf from "../../tf.ts";

/** What to do with the losses: keep each, add them up, or average them. */
export type Reduction = "none" | "sum" | "mean";

/** What a loss returns: a scalar, unless each loss is kept. */
export type Reduced<R extends Reduction> = R extends "none" ? tf.Tensor
  : tf.Scalar;

/** The option that all losses share. */
export interface LossOptions<R extends Reduction = Reduction> {
  /** What to do with the losses of single elements or rows. Default: `"none"`. */
  readonly reduction?: R;
}

/** A {@linkcode Reduction}, for checks. */
export const REDUCTION: ValueRule = oneOf("none", "sum", "mean");

/**
 * Reduces losses.
 *
 * @param losses One for each element or row.
 * @param reduction What to do with them.
 * @param weights A mean divides by their sum. Default: each counts as 1.
 */
export function reduce<R extends Reduction>(
  losses: tf.Tensor,
  reduction: R,
  weights?: tf.Tensor,
): Reduced<R> {
  if (reduction === "none") return losses as Reduced<R>;
  const sum = tf.sum(losses);
  if (reduction === "sum") return sum as Reduced<R>;
  const mean = weights === undefined
    ? tf.mean(losses)
    : ratio(sum, tf.sum(weights));
  return mean as Reduced<R>;
}

/** `a / b`, and 0 with gradient 0 where `b` is 0. */
export function ratio(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const isZero = tf.equal(b, 0);
  const quotient = tf.div(a, tf.where(isZero, tf.onesLike(b), b));
  return tf.where(isZero, tf.zerosLike(quotient), quotient);
}

/** Throws unless `predictions` and `targets` are tensors of the same shape. */
export function checkSameShape(
  action: string,
  predictions: tf.Tensor,
  targets: tf.Tensor,
): void {
  check(action, "predictions", predictions, tensor);
  check(action, "targets", targets, tensor);
  if (tf.util.arraysEqual(predictions.shape, targets.shape)) return;
  throw new RangeError(
    `Cannot ${action}: predictions and targets must have the same shape: current shapes are [${
      predictions.shape.join(", ")
    }] and [${targets.shape.join(", ")}]`,
  );
}
