import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../kernel.ts";

/**
 * A `BatchMatMul` that broadcasts batches axis by axis. tfjs counts batches
 * through, and starts again where one factor has fewer: right only if it has
 * one batch, or lacks leading axes.
 */
export function broadcastBatches(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const a = args.inputs.a as tf.Tensor;
    const b = args.inputs.b as tf.Tensor;
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(
      a.shape.slice(0, -2),
      b.shape.slice(0, -2),
    );
    if (countsThrough(a, batch) && countsThrough(b, batch)) {
      return shipped(args);
    }
    const inputs = { a: spread(a, batch), b: spread(b, batch) };
    const y = shipped({ ...args, inputs });
    tf.dispose(inputs);
    return y;
  };
}

/** Whether repeating all of a factor's batches is the same as broadcasting them. */
function countsThrough(factor: tf.Tensor, batch: number[]): boolean {
  const own = factor.shape.slice(0, -2);
  while (own[0] === 1) own.shift();
  return tf.util.arraysEqual(own, batch.slice(batch.length - own.length));
}

function spread(factor: tf.Tensor, batch: number[]): tf.Tensor {
  const shape = [...batch, ...factor.shape.slice(-2)];
  return tf.add(factor, tf.fill(shape, 0, factor.dtype as "float32"));
}
