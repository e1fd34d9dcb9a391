/**
 * Norms of gradients.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  check,
  checkOptions,
  type OptionRules,
  recordOf,
  tensor,
} from "../internal/check.ts";
import { scope } from "../memory.ts";
import type { Tensors } from "../tensors.ts";
import { mapNamed } from "../tensors.ts";

/** Options of {@linkcode clipGradNorm}. */
export interface ClipGradNormOptions {
  /** The exponent of the norm; `Infinity` for the largest element. Default: 2. */
  readonly normType?: number;
}

/** The result of {@linkcode clipGradNorm}. */
export interface ClippedGrads<G extends Tensors> {
  /** The gradients, scaled down. */
  readonly grads: G;
  /** Their norm before, a scalar on the device. */
  readonly norm: tf.Scalar;
}

const RULES: OptionRules<ClipGradNormOptions> = {
  normType: "a positive number",
};

/**
 * Scales gradients down so that their common norm is at most `maxNorm`:
 *
 * ```text
 * g ← g · min(1, maxNorm / (‖g‖ + 1e-6))
 * ```
 *
 * It frees the gradients that it is given. The option `gradClipNorm` of optimizers
 * does the same within the step.
 *
 * @example Usage
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const { grads, norm } = autodiff.clipGradNorm({ a: tf.tensor1d([3, 4]) }, 1);
 * assertEquals([...await norm.data()], [5]);
 * assertAlmostEquals((await grads.a.data())[0]!, 0.6, 1e-6);
 * ```
 *
 * @typeParam G Gradients by path.
 * @param grads The gradients; freed.
 * @param maxNorm The largest norm, above 0.
 * @param options See {@linkcode ClipGradNormOptions}.
 * @returns The scaled gradients, and the norm before.
 * @throws {RangeError} If `maxNorm` or `normType` is not positive.
 */
export function clipGradNorm<G extends Tensors>(
  grads: G,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): ClippedGrads<G> {
  check("clip gradients", "grads", grads, recordOf(tensor));
  check("clip gradients", "maxNorm", maxNorm, "a positive number");
  checkOptions("clip gradients", options, RULES);
  const { normType = 2 } = options;
  const clipped = scope(() => {
    const norm = globalNorm(grads, normType);
    const factor = tf.minimum(1, tf.div(maxNorm, tf.add(norm, 1e-6)));
    return { grads: mapNamed(grads, (g) => tf.mul(g, factor)) as G, norm };
  });
  tf.dispose({ ...grads });
  return clipped;
}

/**
 * The norm of all gradients together, on the device.
 *
 * @param tensors Gradients by path; the caller still owns them.
 * @param p The exponent of the norm; `Infinity` is the largest element. Default: 2.
 * @returns A scalar; 0 without gradients. Its own gradient is 0 where it is 0.
 */
export function globalNorm(tensors: Tensors, p = 2): tf.Scalar {
  check("compute the norm", "tensors", tensors, recordOf(tensor));
  check("compute the norm", "p", p, "a positive number");
  return scope(() => normOf(Object.values(tensors), p));
}

function normOf(grads: readonly tf.Tensor[], p: number): tf.Scalar {
  if (grads.length === 0) return tf.scalar(0);
  if (p === Infinity) {
    const sizes = grads.filter((g) => g.size > 0)
      .map((g) => tf.max<tf.Scalar>(tf.abs(g)));
    return sizes.length ? tf.max(tf.stack(sizes)) : tf.scalar(0);
  }
  const power = (g: tf.Tensor) =>
    p === 2 ? tf.square(g) : p === 1 ? tf.abs(g) : tf.pow(tf.abs(g), p);
  const total = tf.addN(grads.map((g) => tf.sum<tf.Scalar>(power(g))));
  if (p === 1) return total;
  // The slope of a root is infinite at 0: there the gradient is 0.
  const isZero = tf.equal(total, 0);
  const base = tf.where(isZero, tf.onesLike(total), total);
  const root = p === 2 ? tf.sqrt(base) : tf.pow(base, 1 / p);
  return tf.where(isZero, tf.zerosLike(total), root) as tf.Scalar;
}
