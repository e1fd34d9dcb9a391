import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../kernel.ts";
import { toTensor } from "./to_tensor.ts";

const { arraysEqual } = tf.util;

/**
 * `tf.broadcastTo` that also broadcasts to an axis of size 0, where tfjs leaves
 * the tensor as it is.
 */
export function broadcastTo<R extends tf.Rank>(
  x: tf.Tensor | tf.TensorLike,
  shape: tf.ShapeMap[R],
): tf.Tensor<R> {
  if (shape.some((size) => size === 0)) {
    const source = toTensor("take broadcastTo", "x", x);
    const common = tf.broadcast_util.assertAndGetBroadcastShape(
      source.shape,
      shape,
    );
    if (arraysEqual(common, shape)) {
      // Depends on x, so that its gradient is zeros and not missing.
      return tf.add(source, tf.zeros<R>(shape, source.dtype as "float32"));
    }
  }
  return tf.broadcastTo(x, shape);
}

/**
 * `tf.where` without copies of what has the right shape already, and with
 * shapes that broadcast to size 0.
 */
export function where<T extends tf.Tensor>(
  condition: tf.Tensor | tf.TensorLike,
  a: T | tf.TensorLike,
  b: T | tf.TensorLike,
): T {
  const test = toTensor("take where", "condition", condition, "bool");
  const t = toTensor("take where", "a", a), e = toTensor("take where", "b", b);
  const { assertAndGetBroadcastShape } = tf.broadcast_util;
  const shape = assertAndGetBroadcastShape(
    assertAndGetBroadcastShape(test.shape, t.shape),
    e.shape,
  );
  const fit = (x: tf.Tensor) =>
    arraysEqual(x.shape, shape)
      ? x
      : broadcastTo(x, shape as tf.ShapeMap[tf.Rank]);
  return runKernel<T>(tf.Select, {
    condition: fit(test),
    t: fit(t),
    e: fit(e),
  });
}
