/**
 * Smooth activation functions.
 *
 * All of them differentiate twice. Integers and booleans are converted to float32.
 *
 * @module
 */
import { gelu as geluOp } from "../../backend/ops/gelu.ts";
import * as tf from "../../tf.ts";
import { checkArguments, type GeluOptions } from "./arguments.ts";
import { relu } from "./piecewise.ts";
import { onFloats } from "./on_floats.ts";

/**
 * `x Φ(x)`, with the normal distribution's Φ (Hendrycks and Gimpel 2016).
 *
 * ```text
 * exact:        x/2 (1 + erf(x/√2))
 * approximate:  x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
 * ```
 */
export function gelu<T extends tf.Tensor>(
  x: T,
  options: GeluOptions = {},
): T {
  checkArguments("gelu", [options]);
  const { approximate = false } = options;
  return onFloats(x, (x) => geluOp(x, approximate));
}

/** `x σ(x)`, also called swish (Ramachandran et al. 2017). */
export function silu<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.mul(x, tf.sigmoid(x)) as T);
}

/** `x tanh(ln(1 + eˣ))` (Misra 2019). */
export function mish<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.mul(x, tf.tanh(tf.softplus(x))) as T);
}

/** `1 / (1 + e⁻ˣ)`. */
export function sigmoid<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.sigmoid(x));
}

/** `ln σ(x)`, computed as `-softplus(-x)`: no infinity for large negative `x`. */
export function logSigmoid<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.neg(tf.softplus(tf.neg(x))) as T);
}

/** The hyperbolic tangent. */
export function tanh<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.tanh(x));
}

/** `x - tanh(x)`. */
export function tanhshrink<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.sub(x, tf.tanh(x)) as T);
}

/** `ln(1 + eˣ)`. */
export function softplus<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.softplus(x));
}

/**
 * `(x + √(x² + b)) / 2` (Barron 2021).
 *
 * @param x Any shape.
 * @param b The width of the smooth part; 0 gives {@linkcode relu}. Default: 4.
 */
export function squareplus<T extends tf.Tensor>(x: T, b = 4): T {
  checkArguments("squareplus", [b]);
  if (b === 0) return relu(x);
  return onFloats(
    x,
    (x) => tf.mul(0.5, tf.add(x, tf.sqrt(tf.add(tf.square(x), b)))) as T,
  );
}

/** `x / (1 + |x|)`. */
export function softsign<T extends tf.Tensor>(x: T): T {
  return onFloats(x, (x) => tf.div(x, tf.add(1, tf.abs(x))) as T);
}
