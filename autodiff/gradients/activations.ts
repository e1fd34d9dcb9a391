import * as tf from "@tensorflow/tfjs-core";
import { oneKernel, runKernel } from "../../backend/kernel.ts";
import { isRecording } from "../../internal/engine.ts";
import { sumToShape } from "./broadcast.ts";
import { fromInputs, fromOutput, type Gradients } from "./rule.ts";

// The constants of "Self-Normalizing Neural Networks", https://arxiv.org/abs/1706.02515.
const SELU_SCALE = 1.0507009873554805;
const SELU_SCALE_ALPHA = SELU_SCALE * 1.6732632423543772;

/** Nonlinearities. */
export const activations: Gradients = {
  // The sign of the output tells the sign of the input, and the output is what
  // the next layer keeps anyway.
  Relu: fromOutput(tf.relu, (dy, y) => {
    const composed = () => tf.mul(dy, tf.step(y));
    // The kernel has no gradient of its own.
    if (isRecording()) return composed();
    return oneKernel(
      "ReluGrad",
      () => runKernel("ReluGrad", { dy, y }),
      composed,
    );
  }),
  Relu6: fromOutput(
    tf.relu6,
    (dy, y) => tf.mul(dy, tf.mul(tf.step(y), tf.step(tf.sub(6, y)))),
  ),
  LeakyRelu: fromInputs(["x"], (dy, { x }, { alpha }: tf.LeakyReluAttrs) => ({
    x: () => tf.mul(dy, tf.add(tf.mul(tf.step(x), 1 - alpha), alpha)),
  })),
  Prelu: fromInputs(["x", "alpha"], (dy, { x, alpha }) => ({
    x: () => {
      const slope = tf.add(tf.mul(tf.step(x), tf.sub(1, alpha)), alpha);
      return sumToShape(tf.mul(dy, slope), x.shape);
    },
    alpha: () => sumToShape(tf.mul(dy, negativePart(x)), alpha.shape),
  })),
  Elu: fromOutput(tf.elu, eluGrad),
  EluGrad: fromInputs(["dy", "y"], (g, { dy, y }) => ({
    dy: () => eluGrad(g, y),
    // The slope is y + 1 below zero.
    y: () => tf.mul(tf.mul(g, dy), tf.sub(1, tf.step(y))),
  })),
  // The slope is scale above zero, and y + scale alpha below.
  Selu: fromOutput(tf.selu, (dy, y) => {
    const above = tf.mul(tf.step(y), SELU_SCALE - SELU_SCALE_ALPHA);
    const slope = tf.add(tf.add(negativePart(y), SELU_SCALE_ALPHA), above);
    return tf.mul(dy, slope);
  }),
  Sigmoid: fromOutput(
    tf.sigmoid,
    (dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y))),
  ),
  Softplus: fromInputs(["x"], (dy, { x }) => ({
    x: () => tf.mul(dy, tf.sigmoid(x)),
  })),
  Softmax: fromOutput(
    (logits, { dim }: tf.SoftmaxAttrs) => tf.softmax(logits, dim),
    (dy, y, { dim }) => {
      const composed = () => {
        const mean = tf.sum(tf.mul(dy, y), dim, true);
        return tf.mul(tf.sub(dy, mean), y);
      };
      // The kernel has no gradient of its own, and takes the last axis only.
      if (isRecording() || dim !== y.rank - 1) return composed();
      return oneKernel(
        "SoftmaxGrad",
        () => runKernel("SoftmaxGrad", { y, dy }),
        composed,
      );
    },
    "logits",
  ),
};

function eluGrad(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  return runKernel(tf.EluGrad, { dy, y });
}

function negativePart(x: tf.Tensor): tf.Tensor {
  return tf.neg(tf.relu(tf.neg(x)));
}
