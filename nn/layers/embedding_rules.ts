/**
 * What embeddings do to vectors that are looked up, besides looking them up.
 *
 * @module
 */
import { customGradient } from "../../autodiff/custom.ts";
import * as tf from "../../tf.ts";

/**
 * The rows of `weight` that `indices` name, scaled down to a norm; other rows stay.
 *
 * ```text
 * w[i] ← w[i] min(1, maxNorm / (‖w[i]‖ₚ + 1e-7))     if ‖w[i]‖ₚ > maxNorm
 * ```
 *
 * As torch's `embedding_renorm_`, which is no part of the gradient: that of the result
 * is that of `weight`.
 *
 * @param weight `[count, size]`
 * @param indices `[...]`, of int32.
 * @param maxNorm The largest norm.
 * @param p The order of the norm: positive, or Infinity.
 */
export function renormalized(
  weight: tf.Tensor2D,
  indices: tf.Tensor,
  maxNorm: number,
  p: number,
): tf.Tensor2D {
  const renorm = customGradient((weight: tf.Tensor2D) => {
    const norms = normsOf(weight, p);
    const isLarge = tf.logicalAnd(
      tf.greater(norms, maxNorm),
      tf.greater(counts(indices, weight.shape[0]), 0),
    );
    const scaled = tf.div(maxNorm, tf.add(norms, 1e-7));
    const factors = tf.where(isLarge, scaled, tf.onesLike(norms));
    const value = tf.mul<tf.Tensor2D>(weight, tf.expandDims(factors, 1));
    return { value, gradient: (dy) => tf.clone(dy) };
  });
  return renorm(weight);
}

/** `vectors`, whose gradients are divided by how often their index is there. */
export function perOccurrence(
  vectors: tf.Tensor,
  indices: tf.Tensor,
  count: number,
): tf.Tensor {
  const scale = customGradient((vectors: tf.Tensor) => ({
    value: tf.clone(vectors),
    saved: [indices],
    gradient: (dy, [indices]) => {
      const often = tf.gather(counts(indices!, count), indices!);
      return tf.div(dy, tf.expandDims(often, -1));
    },
  }));
  return scale(vectors);
}

/** How often each number below `count` is in `indices`, as floats. */
function counts(indices: tf.Tensor, count: number): tf.Tensor1D {
  const flat = tf.reshape<tf.Rank.R1>(indices, [-1]);
  return tf.unsortedSegmentSum(tf.ones<tf.Rank.R1>(flat.shape), flat, count);
}

/** The norm of each row. */
function normsOf(x: tf.Tensor2D, p: number): tf.Tensor1D {
  const sizes = tf.abs(x);
  if (p === Infinity) return tf.max<tf.Tensor1D>(sizes, 1);
  if (p === 1) return tf.sum<tf.Tensor1D>(sizes, 1);
  if (p === 2) return tf.sqrt(tf.sum<tf.Tensor1D>(tf.square(x), 1));
  return tf.pow(tf.sum<tf.Tensor1D>(tf.pow(sizes, p), 1), 1 / p);
}
