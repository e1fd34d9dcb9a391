/**
 * How losses of single examples become one number.
 *
 * @module
 */
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

/**
 * Reduce `losses`.
 *
 * @param losses One for each element or row.
 * @param reduction What to do with them.
 * @param weights Whose sum a mean divides by. Default: each counts as 1.
 */
export function reduce<R extends Reduction>(
  losses: tf.Tensor,
  reduction: R,
  weights?: tf.Tensor,
): Reduced<R> {
  const reducers = {
    none: () => losses,
    sum: () => tf.sum(losses),
    mean: () =>
      weights === undefined
        ? tf.mean(losses)
        : tf.divNoNan(tf.sum(losses), tf.sum(weights)),
  };
  if (!Object.hasOwn(reducers, reduction)) {
    throw new TypeError(
      `Cannot reduce a loss: reduction must be "none", "sum" or "mean": current value is ${
        JSON.stringify(reduction)
      }`,
    );
  }
  return reducers[reduction]() as Reduced<R>;
}

/** Throw unless `predictions` and `targets` have the same shape. */
export function checkSameShape(
  name: string,
  predictions: tf.Tensor,
  targets: tf.Tensor,
): void {
  if (!tf.util.arraysEqual(predictions.shape, targets.shape)) {
    throw new RangeError(
      `Cannot compute ${name}: predictions and targets must have the same shape: current shapes are [${
        predictions.shape.join(", ")
      }] and [${targets.shape.join(", ")}]`,
    );
  }
}
