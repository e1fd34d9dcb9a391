import * as tf from "@tensorflow/tfjs-core";
import { sumToShape } from "./broadcast.ts";
import { fromInputs, type Gradients } from "./rule.ts";

/** Normalization with given statistics, and across channels. */
export const normalization: Gradients = {
  FusedBatchNorm: fromInputs(
    ["x", "mean", "variance", "scale"],
    (dy, { x, mean, variance, scale }, attrs: tf.FusedBatchNormAttrs) => {
      const inverse = () => tf.rsqrt(tf.add(variance, attrs.varianceEpsilon));
      const slope = () => tf.mul(inverse(), scale);
      /** Σ dy (x - mean), over all but the channels. */
      const covariance = () =>
        sumToShape(tf.mul(dy, tf.sub(x, mean)), variance.shape);
      return {
        x: () => tf.mul(dy, slope()),
        mean: () => tf.neg(tf.mul(sumToShape(dy, mean.shape), slope())),
        variance: () => {
          const cube = tf.mul(tf.square(inverse()), slope());
          return tf.mul(tf.mul(covariance(), cube), -0.5);
        },
        scale: () => tf.mul(covariance(), inverse()),
        offset: () => sumToShape(dy, mean.shape),
      };
    },
  ),
  // y = x s^-β with s = bias + α Σ x² over neighboring channels:
  // dx = dy s^-β - 2 α β x Σ dy x s^(-β-1), the sum over the same neighbors.
  LRN: fromInputs(["x"], (dy, { x }, attrs: tf.LRNAttrs) => ({
    x: () => {
      const { depthRadius, bias, alpha, beta } = attrs;
      const channels = x.shape[x.rank - 1]!;
      const band = bandMatrix(channels, depthRadius);
      const neighbors = (t: tf.Tensor) =>
        tf.reshape(tf.matMul(tf.reshape(t, [-1, channels]), band), x.shape);
      const s = tf.add(tf.mul(neighbors(tf.square(x)), alpha), bias);
      const scaled = tf.mul(dy, tf.pow(s, -beta));
      const shared = neighbors(tf.div(tf.mul(scaled, x), s));
      return tf.sub(scaled, tf.mul(tf.mul(x, shared), 2 * alpha * beta));
    },
  })),
};

/** Ones where two channels are at most `radius` apart. */
function bandMatrix(channels: number, radius: number): tf.Tensor2D {
  const values = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) {
    for (let j = 0; j < channels; j++) {
      if (Math.abs(i - j) <= radius) values[i * channels + j] = 1;
    }
  }
  return tf.tensor2d(values, [channels, channels]);
}
