import * as tf from "@tensorflow/tfjs-core";
import { Batched, wrap } from "../../internal/batching.ts";
import { isRecording } from "../../internal/engine.ts";

/** `tf.equal`, off the tape. */
export const equal: typeof tf.greater = flat(tf.equal);
/** `tf.notEqual`, off the tape. */
export const notEqual: typeof tf.greater = flat(tf.notEqual);
/** `tf.greater`, off the tape. */
export const greater: typeof tf.greater = flat(tf.greater);
/** `tf.greaterEqual`, off the tape. */
export const greaterEqual: typeof tf.greater = flat(tf.greaterEqual);
/** `tf.less`, off the tape. */
export const less: typeof tf.greater = flat(tf.less);
/** `tf.lessEqual`, off the tape. */
export const lessEqual: typeof tf.greater = flat(tf.lessEqual);

/**
 * A comparison is flat, but tfjs' tape would have zeros made for each side of
 * it and added to gradients that are not zero. It does not know these inputs.
 */
function flat(compare: typeof tf.greater): typeof tf.greater {
  return (a, b) => compare(unrecorded(a), unrecorded(b));
}

/** The same data, as a tensor that the tape has not seen. */
function unrecorded(
  x: tf.Tensor | tf.TensorLike,
): tf.Tensor | tf.TensorLike {
  const engine = tf.engine();
  if (!(x instanceof tf.Tensor) || x.isDisposed || !isRecording()) return x;
  if (x instanceof Batched) {
    return wrap(unrecorded(x.all) as tf.Tensor, x.level);
  }
  const { dataId, shape, dtype } = x;
  engine.backend.incRef(dataId);
  return engine.makeTensorFromTensorInfo({ dataId, shape, dtype });
}
