/**
 * What has no effect once a loss was not finite, computed on the device.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Expr } from "./fusion/mod.ts";
import { oneKernel, runKernel } from "./kernel.ts";
import { where } from "./ops/where.ts";

/** The input of kernels that is 1 while steps count, else 0. */
export const OPEN = "is open"; // no slot has a name with a space

const open = Expr.input(OPEN, "one");

/** `next` while steps count, else `old`. */
export function orOld(next: Expr, old: Expr): Expr {
  return open.select(next, old);
}

/** `open` if `loss` is finite, else 0. */
export function stillOpen(open: tf.Scalar, loss: tf.Scalar): tf.Scalar {
  return oneKernel(
    "StillOpen",
    () => runKernel("StillOpen", { open, loss }),
    () => tf.tidy(() => tf.mul(open, tf.cast(tf.isFinite(loss), "float32"))),
  );
}

/** `next` while `open` is 1, else `old`, which has the same shape and type. */
export function nextOrOld<T extends tf.Tensor>(
  open: tf.Scalar,
  next: T,
  old: T,
): T {
  if (next.size === 0) return tf.clone(next);
  return oneKernel(
    "NextOrOld",
    () => runKernel("NextOrOld", { open, next, old }),
    () => tf.tidy(() => where(tf.greater(open, 0), next, old)),
  );
}
