import * as tf from "@tensorflow/tfjs-core";

/**
 * The gradient of broadcasting to `dy.shape`: the sum over every axis that was
 * repeated, in one kernel. The result is never `dy` itself, because the tape
 * frees gradients that it has added up.
 */
export function sumToShape(dy: tf.Tensor, shape: number[]): tf.Tensor {
  const added = dy.shape.length - shape.length;
  const axes = dy.shape.flatMap((size, i) =>
    i < added || (shape[i - added] === 1 && size !== 1) ? [i] : []
  );
  if (axes.length === 0) return tf.reshape(dy, shape);
  const sum = tf.sum(dy, axes);
  // What is left differs from `shape` in axes of size 1 at most.
  return tf.util.arraysEqual(sum.shape, shape) ? sum : tf.reshape(sum, shape);
}

/** `x` repeated along its axes of size 1, optionally times a constant. */
export function spread(
  x: tf.Tensor,
  shape: number[],
  times = 1,
): tf.Tensor {
  // A multiplication, because no backend's Tile is as fast.
  return tf.mul(x, tf.fill(shape, times));
}

/**
 * `y` of a reduction over `axes` of `shape`, so that it broadcasts to `shape`:
 * with the reduced axes back as size 1, where they are not leading anyway.
 */
export function keepDims(
  y: tf.Tensor,
  shape: number[],
  axes: number[],
): tf.Tensor {
  const areLeading = shape.slice(0, axes.length)
    .every((_, i) => axes.includes(i));
  if (areLeading) return y;
  const kept = shape.map((size, i) => axes.includes(i) ? 1 : size);
  return tf.util.arraysEqual(y.shape, kept) ? y : tf.reshape(y, kept);
}
