/**
 * Norms that can be differentiated everywhere.
 *
 * @module
 */
import {
  boolean,
  check,
  checkOptions,
  either,
  listOf,
  type OptionRules,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";

/** Options of {@linkcode safeNorm}. */
export interface SafeNormOptions {
  /** The axes of the vectors. Default: all. */
  readonly axis?: number | number[];
  /** Whether to keep those axes, with size 1. Default: false. */
  readonly keepDims?: boolean;
}

const RULES: OptionRules<SafeNormOptions> = {
  axis: (value) =>
    Array.isArray(value)
      ? listOf("an integer")(value)
      : either("an integer")(value),
  keepDims: boolean,
};

/**
 * The Euclidean norm, with gradient 0 where it is 0.
 *
 * ```text
 * ‖x‖ = √Σ x²        d‖x‖/dx = x / ‖x‖, and 0 at x = 0
 * ```
 *
 * `tf.norm` has the same values, and the gradient NaN at 0.
 *
 * @example Usage
 * ```ts
 * import { autodiff, nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const gradient = autodiff.grad((x: tf.Tensor1D) => nn.safeNorm(x));
 * assertEquals([...await gradient(tf.tensor1d([0, 0])).data()], [0, 0]);
 * ```
 *
 * @param x Any shape.
 * @param options See {@linkcode SafeNormOptions}.
 * @returns The norm; a scalar over all axes.
 */
export function safeNorm(
  x: tf.Tensor,
  options: SafeNormOptions = {},
): tf.Tensor {
  checkOptions("compute safeNorm", options, RULES);
  check("compute safeNorm", "x", x, tensor);
  const { axis, keepDims = false } = options;
  return tf.tidy(() => {
    const squares = tf.sum(tf.square(floats(x)), axis, keepDims);
    const isZero = tf.equal(squares, 0);
    // The root of 0 must not be taken at all: 0 times its infinite slope is NaN.
    const root = tf.sqrt(tf.where(isZero, tf.onesLike(squares), squares));
    return tf.where(isZero, tf.zerosLike(squares), root);
  });
}
