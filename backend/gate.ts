/**
 * What has no effect once a loss was not finite, computed on the device.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensors } from "../tensors.ts";
import { Expr, type Kernel, kernelOf, runLaunches } from "./fusion/mod.ts";
import { where } from "./ops/where.ts";

/** The input of kernels that is 1 while steps count, else 0. */
export const OPEN = "is open"; // no slot has a name with a space

const open = Expr.input(OPEN, "one");

/** `next` while steps count, else `old`. */
export function orOld(next: Expr, old: Expr): Expr {
  return open.select(next, old);
}

/** The largest finite number of float32. */
const LARGEST = 3.4028234663852886e38;

/** `open` if the loss is finite: comparisons with NaN do not hold. */
const STILL_OPEN = kernelFor(
  Expr.constant(2).sub(Expr.input("loss").abs().div(LARGEST)).select(open, 0),
);

const OR_OLD = kernelFor(orOld(Expr.input("next"), Expr.input("old")));

/** The kernel whose only result is `value`. */
function kernelFor(value: Expr): Kernel {
  return kernelOf({ result: { value, extent: "each" } });
}

function run(
  kernel: Kernel,
  inputs: Tensors,
  shape: readonly number[],
): tf.Tensor {
  const rows = [{ inputs, scalars: {}, shape }];
  return runLaunches([{ kernel, rows }])[0]![0]!["result"]!;
}

/** `open` if `loss` is finite, else 0. */
export function stillOpen(open: tf.Scalar, loss: tf.Scalar): tf.Scalar {
  return run(STILL_OPEN, { [OPEN]: open, loss }, []) as tf.Scalar;
}

/** `next` while `open` is 1, else `old`, which has the same shape and type. */
export function nextOrOld<T extends tf.Tensor>(
  open: tf.Scalar,
  next: T,
  old: T,
): T {
  return next.dtype === "float32"
    ? run(OR_OLD, { [OPEN]: open, next, old }, next.shape) as T
    : tf.tidy(() => where(tf.greater(open, 0), next, old));
}
