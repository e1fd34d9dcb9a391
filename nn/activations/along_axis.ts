/**
 * Activation functions along an axis.
 *
 * Integers and booleans are converted to float32.
 *
 * @module
 */
import { check, tensor } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { checkArguments } from "./arguments.ts";
import { onFloats } from "./on_floats.ts";

/**
 * The first half of an axis times `σ` of the second (Dauphin et al. 2017).
 *
 * @param x The axis must have an even size.
 * @param axis Default: the last.
 */
export function glu<T extends tf.Tensor>(x: T, axis = -1): T {
  check("apply glu", "x", x, tensor);
  checkArguments("glu", [axis]);
  const size = x.shape.at(axis) ?? 0;
  if (size === 0 || size % 2 !== 0) {
    throw new RangeError(
      `Cannot apply glu: axis ${axis} must have an even size: current shape is [${x.shape}]`,
    );
  }
  return onFloats(x, (x) => {
    const [value, gate] = tf.split(x, 2, axis < 0 ? axis + x.rank : axis);
    return tf.mul(value!, tf.sigmoid(gate!)) as T;
  });
}

/**
 * `eˣ / Σ eˣ` along an axis.
 *
 * @param x Any shape with at least one axis.
 * @param axis Default: the last.
 */
export function softmax<T extends tf.Tensor>(x: T, axis = -1): T {
  checkArguments("softmax", [axis]);
  return along(x, axis, (x) => tf.softmax(x));
}

/**
 * `softmax(-x)` along an axis.
 *
 * @param x Any shape with at least one axis.
 * @param axis Default: the last.
 */
export function softmin<T extends tf.Tensor>(x: T, axis = -1): T {
  checkArguments("softmin", [axis]);
  return along(x, axis, (x) => tf.softmax(tf.neg(x)));
}

/**
 * `x - ln Σ eˣ` along an axis.
 *
 * @param x Any shape with at least one axis.
 * @param axis Default: the last.
 */
export function logSoftmax<T extends tf.Tensor>(x: T, axis = -1): T {
  checkArguments("logSoftmax", [axis]);
  return along(x, axis, (x) => tf.logSoftmax(x));
}

/** `fn`, which computes along the last axis, along another one. */
function along<T extends tf.Tensor>(
  x: T,
  axis: number,
  fn: (x: tf.Tensor) => tf.Tensor,
): T {
  if (axis === -1) return onFloats(x, fn);
  const [place] = tf.util.parseAxisParam(axis, x.shape);
  const last = x.rank - 1;
  if (place === last) return onFloats(x, fn);
  const order = x.shape.map((_, i) =>
    i === place ? last : i === last ? place! : i
  );
  return onFloats(x, (x) => tf.transpose(fn(tf.transpose(x, order)), order));
}
