/**
 * Kernels of training against tfjs' own, one thread each: a GPT block, a small
 * convolutional network, and the kernels one by one.
 *
 *     deno bench -A bench/kernels_bench.ts
 */
import * as tf from "@tensorflow/tfjs-core";
import { start, versus } from "./_stock.ts";

await start();

/** A GPT block: width 128, 4 heads, context 64, batch 12. */
const [B, T, H, E] = [12, 64, 4, 128] as const, D = E / H;
const params = [
  ...[[E], [E, 3 * E], [E, E], [E], [E, 4 * E], [4 * E, E]].map((shape) =>
    shape.length === 1 ? tf.ones(shape) : tf.randomNormal(shape, 0, 0.02)
  ),
];
const input = tf.randomNormal([B * T, E]),
  upstream = tf.randomNormal([B * T, E]);
const mask = tf.tidy(() =>
  tf.keep(tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0)), -1e9))
);

function layerNorm(x: tf.Tensor, gain: tf.Tensor): tf.Tensor {
  const centered = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centered), -1, true);
  return tf.mul(tf.mul(centered, tf.rsqrt(tf.add(variance, 1e-5))), gain);
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function attention(x: tf.Tensor, w: tf.Tensor, out: tf.Tensor): tf.Tensor {
  const heads = tf.split(tf.matMul(x, w), 3, 1).map((t) =>
    tf.transpose(tf.reshape(t, [B, T, H, D]), [0, 2, 1, 3])
  );
  const [q, k, v] = heads as [tf.Tensor, tf.Tensor, tf.Tensor];
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D));
  const y = tf.matMul(tf.softmax(tf.add(scores, mask)), v);
  return tf.matMul(tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [B * T, E]), out);
}

const block = tf.grads((x, g1, qkv, proj, g2, fc, out) => {
  const h = tf.add(x, attention(layerNorm(x, g1), qkv, proj));
  return tf.add(h, tf.matMul(gelu(tf.matMul(layerNorm(h, g2), fc)), out));
});
versus(
  "GPT block, forward and backward",
  () => block([input, ...params], upstream),
);

/** Convolution 5x5x24, pool, convolution 3x3x32, pool, dense 128, dense 10; batch 32. */
const images = tf.randomNormal([32, 28, 28, 1]) as tf.Tensor4D;
const classes = tf.randomUniform([32], 0, 10, "int32");
const labels = tf.cast(tf.oneHot(classes, 10), "float32");
const weights = [[5, 5, 1, 24], [3, 3, 24, 32], [7 * 7 * 32, 128], [128, 10]]
  .map((shape) => tf.randomNormal(shape, 0, 0.1));
const cnn = tf.grads((...params: tf.Tensor[]) => {
  const [c1, c2, d1, d2] = params as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const first = tf.maxPool(
    tf.relu(tf.conv2d(images, c1, 1, "same")),
    2,
    2,
    "valid",
  );
  const second = tf.maxPool(
    tf.relu(tf.conv2d(first as tf.Tensor4D, c2, 1, "same")),
    2,
    2,
    "valid",
  );
  const hidden = tf.relu(tf.matMul(tf.reshape(second, [32, 7 * 7 * 32]), d1));
  const logits = tf.matMul(hidden, d2);
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), -1)));
});
versus("CNN, forward and backward", () => cnn(weights));

const x = tf.randomNormal([768, 512]),
  row = tf.randomNormal([512]),
  column = tf.randomNormal([768, 1]);
const positive = tf.abs(x), ids = tf.range(0, 768, 1, "int32") as tf.Tensor1D;
const KERNELS: Record<string, () => void> = {
  "x * x": () => tf.mul(x, x),
  "x + row": () => tf.add(x, row),
  "x > column": () => tf.greater(x, column),
  "where(x > 0)": () => tf.where(tf.greater(x, 0), x, x),
  "cast(x > 0)": () => tf.cast(tf.greater(x, 0), "float32"),
  "maximum": () => tf.maximum(x, 0),
  "relu": () => tf.relu(x),
  "exp": () => tf.exp(x),
  "log": () => tf.log(positive),
  "tanh": () => tf.tanh(x),
  "sigmoid": () => tf.sigmoid(x),
  "erf": () => tf.erf(x),
  "pow(x, 2)": () => tf.pow(x, 2),
  "softmax": () => tf.softmax(x),
  "sum": () => tf.sum(x),
  "sum of rows": () => tf.sum(x, 1),
  "sum of columns": () => tf.sum(x, 0),
  "transpose": () => tf.transpose(x),
  "tile": () => tf.tile(row, [768]),
  "split": () => tf.split(x, 4, 1),
  "gather": () => tf.gather(x, ids),
  "clone": () => tf.clone(x),
};
for (const [name, run] of Object.entries(KERNELS)) {
  versus(`${name}, [768, 512]`, run);
}

const pooled = tf.randomNormal([32, 28, 28, 24]) as tf.Tensor4D;
const output = tf.maxPool(pooled, 2, 2, "valid"),
  dy = tf.randomNormal(output.shape);
const attrs = { filterSize: 2, strides: 2, pad: "valid" };
versus("gradient of maxPool", () => {
  tf.engine().runKernel("MaxPoolGrad", { dy, input: pooled, output }, attrs);
});
