import * as tf from "@tensorflow/tfjs-core";
import { oneKernel, runKernel } from "../kernel.ts";

/**
 * `x` with mean 0 and variance 1 over `axes`; gain and bias are for the caller to
 * apply.
 *
 * ```text
 * y = (x - mean x) / √(var x + ε)
 * ```
 *
 * @param x Any shape, float32.
 * @param axes The axes to normalize. Default: the last one.
 * @param eps Added to the variance. Default: 1e-6.
 */
export function standardize<T extends tf.Tensor>(
  x: T,
  axes: number | number[] = -1,
  eps = 1e-6,
): T {
  const [axis, ...others] = tf.util.parseAxisParam(axes, x.shape);
  const isLast = axis === x.rank - 1 && others.length === 0;
  return isLast
    ? oneKernel(
      "LayerNorm",
      () => asKernel(x, eps),
      () => composed(x, axes, eps),
    )
    : composed(x, axes, eps);
}

function asKernel<T extends tf.Tensor>(x: T, eps: number): T {
  const op = tf.customGrad((x, save) => {
    const [y, scale] = runKernel(
      "LayerNorm",
      { x: x as tf.Tensor },
      { eps },
    ) as unknown as [tf.Tensor, tf.Tensor];
    (save as tf.GradSaveFunc)([y, scale]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [y, scale]: tf.Tensor[]) =>
        runKernel("LayerNormGrad", { y: y!, dy, scale: scale! }),
    };
  });
  return op(x) as T;
}

function composed<T extends tf.Tensor>(
  x: T,
  axes: number | number[],
  eps: number,
): T {
  return tf.tidy(() => {
    const centered = tf.sub(x, tf.mean(x, axes, true));
    const variance = tf.mean(tf.square(centered), axes, true);
    return tf.mul(centered, tf.rsqrt(tf.add(variance, eps))) as T;
  });
}
