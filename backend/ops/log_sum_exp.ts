import * as tf from "@tensorflow/tfjs-core";
import { isNested } from "../../internal/engine.ts";
import { equal } from "./comparisons.ts";
import { where } from "./where.ts";
import { toTensor } from "./to_tensor.ts";

/**
 * `tf.logSumExp`, with what it is at infinity: log Σ eˣ over axes is -Infinity where
 * all of `x` are, and Infinity where one is. The gradient is softmax, and zeros where
 * the sum is 0.
 */
export function logSumExp<T extends tf.Tensor>(
  x: tf.Tensor | tf.TensorLike,
  axis?: number | number[],
  keepDims = false,
): T {
  const given = toTensor("take logSumExp", "x", x);
  const source = given.dtype === "float32" ? given : tf.cast(given, "float32");
  const axes = tf.util.parseAxisParam(axis!, source.shape);
  const shape = source.shape.filter((_, i) => !axes.includes(i));
  const y = kept(source, axes);
  return tf.reshape(y, keepDims ? y.shape : shape) as T;
}

/** The same, with axes of length 1. */
function kept(x: tf.Tensor, axes: number[]): tf.Tensor {
  const op = tf.customGrad((x, save) => {
    const value = forward(x as tf.Tensor, axes);
    // A saved result would look constant to a second derivative; see
    // `fromOutput` in autodiff/gradients/rule.ts.
    const inNested = isNested();
    const inputs = [x as tf.Tensor];
    (save as tf.GradSaveFunc)(inNested ? inputs : [...inputs, value]);
    const gradFunc = (dy: tf.Tensor, [x, saved]: tf.Tensor[]) => {
      const sum = saved ?? kept(x!, axes);
      // Without a finite sum only infinite terms count.
      const infinite = where(equal(x!, Infinity), 0, -Infinity);
      const log = where(tf.isFinite(sum), tf.sub(x!, sum), infinite);
      return tf.mul(dy, tf.exp(log));
    };
    return { value, gradFunc };
  });
  return op(x);
}

function forward(x: tf.Tensor, axes: number[]): tf.Tensor {
  return tf.tidy(() => {
    const most = tf.max(x, axes, true);
    // What is subtracted must be finite: Infinity - Infinity is no number.
    const shift = where(tf.isFinite(most), most, 0);
    const sum = tf.sum(tf.exp(tf.sub(x, shift)), axes, true);
    return tf.add(tf.log(sum), shift);
  });
}
