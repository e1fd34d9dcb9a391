/**
 * Activation functions that are defined piece by piece, such as rectifiers.
 *
 * Derivatives at kinks are torch's. All of them differentiate twice. Integers and booleans
 * are converted to float32.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { checkArguments, type HardtanhOptions } from "./arguments.ts";
import { onFloats } from "./on_floats.ts";

/** `max(x, 0)`; the derivative at 0 is 0. */
export function relu<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.relu(x));
}

/** `min(max(x, 0), 6)`. */
export function relu6<T extends tf.Tensor>(x: T): T {
  return hardtanh(x, { min: 0, max: 6 });
}

/**
 * `x` where it is above 0, `slope x` elsewhere; at 0 the derivative is `slope`.
 *
 * @param x Any shape.
 * @param slope The slope below 0. Default: 0.01.
 */
export function leakyRelu<T extends tf.Tensor>(x: T, slope = 0.01): T {
  checkArguments("leakyRelu", [slope]);
  return onFloats(x, (x) => tf.leakyRelu(x, slope));
}

/**
 * `x` where it is above 0, `alpha (eˣ - 1)` elsewhere (Clevert et al. 2016).
 *
 * @param x Any shape.
 * @param alpha The limit for `x` to -∞, negated. Default: 1.
 */
export function elu<T extends tf.Tensor>(x: T, alpha = 1): T {
  checkArguments("elu", [alpha]);
  if (alpha === 1) return onFloats(x, (x) => tf.elu(x));
  return onFloats(
    x,
    (x) => tf.add(tf.relu(x), tf.mul(alpha, tf.expm1(negativePart(x)))) as T,
  );
}

/**
 * `max(x, 0) + alpha min(e^(x/alpha) - 1, 0)`, smooth at 0 for every `alpha`
 * (Barron 2017).
 *
 * @param x Any shape.
 * @param alpha The limit for `x` to -∞, negated. Default: 1.
 */
export function celu<T extends tf.Tensor>(x: T, alpha = 1): T {
  checkArguments("celu", [alpha]);
  return onFloats(x, (x) => tf.mul(alpha, tf.elu(tf.div(x, alpha))) as T);
}

/**
 * `1.0507 x` where it is above 0, `1.7581 (eˣ - 1)` elsewhere: keeps mean 0 and
 * variance 1 under {@linkcode LecunNormal} (Klambauer et al. 2017).
 */
export function selu<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.selu(x));
}

/** `min(max(x/6 + 1/2, 0), 1)`; the derivative at both kinks is 0. */
export function hardsigmoid<T extends tf.Tensor>(x: T): T {
  return onFloats(
    x,
    (x) => tf.add(tf.div(hardtanh(x, { min: -3, max: 3 }), 6), 0.5) as T,
  );
}

/** `x hardsigmoid(x)` (Howard et al. 2019). */
export function hardswish<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.mul(x, hardsigmoid(x)) as T);
}

/**
 * `min(max(x, min), max)`; the derivative at both bounds is 0.
 *
 * @param x Any shape.
 * @param options See {@linkcode HardtanhOptions}.
 */
export function hardtanh<T extends tf.Tensor>(
  x: T,
  options: HardtanhOptions = {},
): T {
  checkArguments("hardtanh", [options]);
  const { min = -1, max = 1 } = options;
  return onFloats(x, (x) => {
    // NaN is neither, and so passes through.
    const capped = tf.where(tf.greaterEqual(x, max), tf.fill(x.shape, max), x);
    return tf.where(tf.lessEqual(x, min), tf.fill(x.shape, min), capped) as T;
  });
}

/**
 * `x` where `|x|` is above `lambda`, 0 elsewhere.
 *
 * @param x Any shape.
 * @param lambda The threshold. Default: 0.5.
 */
export function hardshrink<T extends tf.Tensor>(x: T, lambda = 0.5): T {
  checkArguments("hardshrink", [lambda]);
  return onFloats(
    x,
    (x) => tf.where(tf.lessEqual(tf.abs(x), lambda), tf.zerosLike(x), x) as T,
  );
}

/**
 * `sign(x) max(|x| - lambda, 0)`.
 *
 * @param x Any shape.
 * @param lambda The threshold. Default: 0.5.
 */
export function softshrink<T extends tf.Tensor>(x: T, lambda = 0.5): T {
  checkArguments("softshrink", [lambda]);
  return onFloats(
    x,
    (x) =>
      tf.sub(
        tf.relu(tf.sub(x, lambda)),
        tf.relu(tf.sub(tf.neg(x), lambda)),
      ) as T,
  );
}

/**
 * `x` where it is above `limit`, `value` elsewhere.
 *
 * @param x Any shape.
 * @param limit The threshold.
 * @param value What replaces `x` at and below it.
 */
export function threshold<T extends tf.Tensor>(
  x: T,
  limit: number,
  value: number,
): T {
  checkArguments("threshold", [limit, value]);
  return onFloats(
    x,
    (x) => tf.where(tf.lessEqual(x, limit), tf.fill(x.shape, value), x) as T,
  );
}

/** 0 below -1, `(x + 1)² / 4` between, `x` above 1. */
export function sparsePlus<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => {
    // From 0 to 2 between the kinks, with a slope of 1 at the upper one.
    const above = tf.relu(tf.sub(x, 1));
    const middle = tf.sub(tf.relu(tf.add(x, 1)), above);
    return tf.add(tf.div(tf.square(middle), 4), above) as T;
  });
}

/** 0 below -1, `(x + 1) / 2` between, 1 above 1. */
export function sparseSigmoid<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.mul(0.5, tf.add(hardtanh(x), 1)) as T);
}

/**
 * `x` where it is above 0, `alpha x` elsewhere.
 *
 * @param x `[..., channels]`
 * @param alpha `[1]` or `[channels]`
 */
export function prelu<T extends tf.Tensor>(x: T, alpha: tf.Tensor): T {
  return onFloats(
    x,
    (x) => tf.add(tf.relu(x), tf.mul(alpha, negativePart(x))) as T,
  );
}

/** `min(x, 0)`; the derivative at 0 is 1, so that it complements ReLU's. */
function negativePart(x: tf.Tensor): tf.Tensor {
  return tf.sub(x, tf.relu(x));
}
