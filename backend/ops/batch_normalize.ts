import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { oneKernel, runKernel } from "../kernel.ts";

/** Normalized values, and the statistics of each channel. */
export interface BatchNormalized {
  /** The shape of the input. */
  readonly y: tf.Tensor;
  /** `[channels]` */
  readonly mean: tf.Tensor;
  /** `[channels]`, divided by the number of values. */
  readonly variance: tf.Tensor;
}

/** Options of {@linkcode batchNormalize}. */
export interface BatchNormalizeOptions {
  /** Added to the variance. */
  readonly eps: number;
  /** The scale, `[channels]`. */
  readonly weight?: tf.Tensor | undefined;
  /** The shift, `[channels]`. */
  readonly bias?: tf.Tensor | undefined;
}

/**
 * Batch normalization by the statistics of the batch, over all axes but the last.
 *
 * ```text
 * y = (x - mean) / √(variance + ε) weight + bias
 * ```
 *
 * @param x `[..., channels]`, float32.
 * @param options See {@linkcode BatchNormalizeOptions}.
 */
export function batchNormalize(
  x: tf.Tensor,
  { eps, weight, bias }: BatchNormalizeOptions,
): BatchNormalized {
  const shifted = (y: tf.Tensor) => bias ? tf.add(y, bias) : y;
  const composed = () => {
    const { mean, variance } = tf.moments(x, x.shape.slice(1).map((_, i) => i));
    const inverse = tf.rsqrt(tf.add(variance, eps));
    const scale = weight ? tf.mul(inverse, weight) : inverse;
    const y = shifted(tf.mul(tf.sub(x, mean), scale));
    return { y, mean, variance };
  };
  if (x.size === 0 || x.dtype !== "float32") return composed();
  return oneKernel("BatchStandardize", () => {
    const { y, mean, variance } = asKernel(x, eps);
    return { y: shifted(weight ? tf.mul(y, weight) : y), mean, variance };
  }, composed);
}

function asKernel(x: tf.Tensor, eps: number): BatchNormalized {
  const inputs = { x };
  const [y, mean, variance] = engine().runKernelFunc({
    inputs,
    forwardFunc(_, save) {
      const [y, mean, variance, scale] = runKernel(
        "BatchStandardize",
        inputs,
        { eps },
      ) as unknown as tf.Tensor[];
      save([y!, scale!]);
      return [y!, mean!, variance!];
    },
    backwardsFunc(dys, [y, scale]) {
      const [dy, dMean, dVariance] = dys as unknown as tf.Tensor[];
      return {
        x: () =>
          runKernel("BatchStandardizeGrad", {
            ...{ y: y!, scale: scale! },
            ...{ dy: dy!, dMean: dMean!, dVariance: dVariance! },
          }),
      };
    },
  }) as unknown as tf.Tensor[];
  return { y: y!, mean: mean!, variance: variance! };
}
