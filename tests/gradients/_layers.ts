import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

const { losses } = tf;

const ranks = [[4], [3, 4], [2, 3, 4], [2, 2, 3, 4]];

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
}

function layerNorm(x: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-3)));
}

function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const scores = tf.mul(tf.matMul(q, k, false, true), 0.5);
  return tf.matMul(tf.softmax(scores), v);
}

/** What layers and losses are made of. */
export const layers: Case[] = [
  ...ranks.flatMap((shape) => {
    const channels = shape.slice(-1);
    return [
      row(
        "batchNorm",
        [shape, channels, channels, channels, channels],
        (x, m, v, o, s) => tf.batchNorm(x, m, v, o, s),
        ["any", "any", "positive", "any", "any"],
      ),
      row(
        "batchNorm without scale",
        [shape, channels, channels, channels],
        (x, m, v, o) => tf.batchNorm(x, m, v, o),
        ["any", "any", "positive", "any"],
      ),
      row(
        "batchNorm without offset",
        [shape, channels, channels, channels],
        (x, m, v, s) => tf.batchNorm(x, m, v, undefined, s),
        ["any", "any", "positive", "any"],
      ),
      row(
        "batchNorm of statistics alone",
        [shape, channels, channels],
        (x, m, v) => tf.batchNorm(x, m, v),
        ["any", "any", "positive"],
      ),
      row("layer norm", [shape], layerNorm),
      row("gelu", [shape], gelu),
      row("silu", [shape], (x) => tf.mul(x, tf.sigmoid(x))),
      row("mish", [shape], (x) => tf.mul(x, tf.tanh(tf.softplus(x)))),
    ];
  }),
  ...[[2, 3, 3, 5], [3, 3, 7]].flatMap((shape) =>
    [1, 2].map((radius) =>
      row(
        `localResponseNormalization ${radius}`,
        [shape],
        (x) => tf.localResponseNormalization(x, radius, 1.5, 0.4, 0.7),
      )
    )
  ),
  ...[[3, 4], [2, 3, 4]].flatMap((shape) => [
    row(
      "meanSquaredError",
      [shape, shape],
      (a, b) => losses.meanSquaredError(a, b),
    ),
    row(
      "weighted meanSquaredError",
      [shape, shape, shape],
      (a, b, w) => losses.meanSquaredError(a, b, w),
      ["any", "any", "positive"],
    ),
    row(
      "absoluteDifference",
      [shape, shape],
      (a, b) => losses.absoluteDifference(a, b),
      ["spaced", "offset"],
    ),
    row(
      "huberLoss",
      [shape, shape],
      (a, b) => losses.huberLoss(a, b, undefined, 0.7),
      ["spaced", "offset"],
    ),
    row("logLoss", [shape, shape], (a, b) =>
      losses.logLoss(
        tf.sigmoid(a),
        tf.sigmoid(b),
      )),
    row(
      "hingeLoss",
      [shape, shape],
      (a, b) => losses.hingeLoss(tf.sigmoid(a), b),
      ["any", "nonzero"],
    ),
    row(
      "cosineDistance",
      [shape, shape],
      (a, b) => losses.cosineDistance(a, b, 1),
    ),
    row(
      "sigmoidCrossEntropy",
      [shape, shape],
      (a, b) => losses.sigmoidCrossEntropy(tf.sigmoid(a), b),
      ["any", "nonzero"],
    ),
    row(
      "softmaxCrossEntropy",
      [shape, shape],
      (a, b) => losses.softmaxCrossEntropy(tf.softmax(a), b),
    ),
    row(
      "softmaxCrossEntropy of labels that do not sum to one",
      [shape, shape],
      (a, b) => losses.softmaxCrossEntropy(a, b),
    ),
    row(
      "smoothed softmaxCrossEntropy",
      [shape, shape],
      (a, b) => losses.softmaxCrossEntropy(tf.softmax(a), b, undefined, 0.1),
    ),
  ]),
  row(
    "weighted softmaxCrossEntropy",
    [[3, 4], [3, 4], [3]],
    (a, b, w) => losses.softmaxCrossEntropy(tf.softmax(a), b, w),
    ["any", "any", "positive"],
  ),
  row("attention", [[2, 2, 3, 4], [2, 2, 3, 4], [2, 2, 3, 4]], attention),
  row("attention of one query", [[1, 4], [5, 4], [5, 3]], attention),
  row(
    "basicLSTMCell",
    [[5, 12], [12], [2, 2], [2, 3], [2, 3]],
    (kernel, bias, x, c, h) => {
      const [newC, newH] = tf.basicLSTMCell(
        tf.scalar(1),
        kernel,
        bias,
        x,
        c,
        h,
      );
      return tf.add(newC, tf.mul(newH, 2));
    },
  ),
  row("embedding and mean", [[6, 3]], (table) =>
    tf.mean(
      tf.gather(table, tf.tensor2d([[1, 5], [1, 0]], [2, 2], "int32")),
      1,
    )),
  row(
    "dense relu dense",
    [[3, 4], [4, 5], [5], [5, 2]],
    (x, w, b, v) => tf.matMul(tf.relu(tf.add(tf.matMul(x, w), b)), v),
    "positive",
  ),
  row("dropout mask", [[3, 4]], (x) =>
    tf.mul(
      x,
      tf.cast(
        tf.greater(tf.randomUniform([3, 4], 0, 1, "float32", 7), 0.5),
        "float32",
      ),
    )),
  row("safe logarithm inside where", [[2, 4]], (x) => {
    const isPositive = tf.greater(x, 0);
    const safe = tf.where(isPositive, x, tf.onesLike(x));
    return tf.where(isPositive, tf.log(safe), tf.zerosLike(x));
  }, "nonzero"),
  row("norm 1", [[3, 4]], (x) => tf.norm(x, 1), "nonzero"),
  row("norm inf", [[3, 4]], (x) => tf.norm(x, Infinity), "spaced"),
  row("moments of all", [[3, 4]], (x) => {
    const { mean, variance } = tf.moments(x);
    return tf.add(mean, tf.mul(variance, 2));
  }),
  row(
    "movingAverage",
    [[3], [3]],
    (v, x) => tf.movingAverage(v, x, tf.scalar(0.9), tf.scalar(3)),
  ),
];
