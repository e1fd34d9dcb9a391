import * as tf from "@tensorflow/tfjs-core";
import { isNested } from "../../internal/engine.ts";
import { oneKernel, runKernel } from "../kernel.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.logSoftmax` that can be differentiated twice: x - max(x) - log Σ exp(x -
 * max(x)), over the last axis.
 */
export function logSoftmax<T extends tf.Tensor>(
  logits: T | tf.TensorLike,
  axis = -1,
): T {
  const x = toTensor("take logSoftmax", "logits", logits) as T;
  if (axis !== -1 && axis !== x.rank - 1) {
    throw new RangeError(
      `Cannot take the log-softmax: axis must be the last one: current value is ${axis} of rank ${x.rank}`,
    );
  }
  const source = x.dtype === "float32" ? x : tf.cast(x, "float32");
  return oneKernel(
    "LogSoftmax",
    () => asKernel(source),
    () => composed(source),
  ) as T;
}

function asKernel(x: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((x, save) => {
    const value = runKernel("LogSoftmax", { logits: x as tf.Tensor });
    (save as tf.GradSaveFunc)([value]);
    const gradFunc = (dy: tf.Tensor, [y]: tf.Tensor[]) =>
      runKernel("LogSoftmaxGrad", { y: y!, dy });
    return { value, gradFunc };
  });
  return op(x);
}

function composed(x: tf.Tensor): tf.Tensor {
  const op = tf.customGrad((x, save) => {
    const shifted = tf.sub(x as tf.Tensor, tf.max(x as tf.Tensor, -1, true));
    const value = tf.sub(
      shifted,
      tf.log(tf.sum(tf.exp(shifted), -1, true)),
    );
    // A saved result would look constant to a second derivative; see
    // `fromOutput` in autodiff/gradients/rule.ts.
    const inNested = isNested();
    (save as tf.GradSaveFunc)([inNested ? x as tf.Tensor : value]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
      const y = inNested ? logSoftmax(saved!) : saved!;
      return tf.sub(dy, tf.mul(tf.exp(y), tf.sum(dy, -1, true)));
    };
    return { value, gradFunc };
  });
  return op(x);
}

/** `tf.logSigmoid` without a copy of its input that a `tf.tidy` may have freed. */
export function logSigmoid<T extends tf.Tensor>(x: T | tf.TensorLike): T {
  return tf.neg(tf.softplus(tf.neg(x)));
}
