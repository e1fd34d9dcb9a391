/**
 * Gradients where a function is defined by a guard, such as the direction of a vector of
 * zeros, are finite; where one side of the point has a slope of its own, it is between
 * both.
 */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import { autodiff, environ, nn, ParamState } from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

type F = (x: tf.Tensor) => tf.Tensor;

const zeros = (...shape: number[]) => () => tf.zeros(shape);
const vector = (...values: number[]) => () => tf.tensor1d(values);

/** A function, an input, and the gradient of its sum where it is one number. */
const cases: Record<string, [F, () => tf.Tensor, number?]> = {
  "cosine similarity of zero vectors": [
    (x) => nn.cosineSimilarity(x, tf.zerosLike(x)),
    zeros(2, 3),
    0,
  ],
  "cosine similarity of a vector and zeros": [
    (x) => nn.cosineSimilarity(x, tf.zerosLike(x)),
    vector(1, 2, 3),
    0,
  ],
  "cosine similarity of equal vectors": [
    (x) => nn.cosineSimilarity(x, x),
    zeros(2, 3),
    0,
  ],
  "cosine distance of zero vectors": [
    (x) => nn.cosineDistance(x, tf.ones(x.shape)),
    zeros(2, 3),
  ],
  "norm of zeros": [(x) => nn.safeNorm(x), zeros(4), 0],
  "norms of rows of zeros": [
    (x) => nn.safeNorm(x, { axis: 1 }),
    zeros(2, 3),
    0,
  ],
  ...Object.fromEntries(
    [1, 1.5, 2, 3, Infinity].map((
      p,
    ): [string, [F, () => tf.Tensor, number]] => [
      `global ${p}-norm of zeros`,
      [(x) => autodiff.globalNorm({ x }, p), zeros(4), 0],
    ]),
  ),
  "distance of equal points": [
    (x) => nn.safeNorm(tf.sub(x, tf.clone(x)), { axis: -1 }),
    zeros(2, 3),
    0,
  ],
  ...Object.fromEntries(
    ([
      nn.squaredError,
      nn.l2Loss,
      nn.absoluteError,
      nn.huberLoss,
      nn.logCosh,
    ] as const)
      .map((loss, i): [string, [F, () => tf.Tensor, number]] => [
        `error ${i} of equal values`,
        [(x) => loss(x, tf.zerosLike(x)), zeros(4), 0],
      ]),
  ),
  "hinge loss at its margin": [
    (x) => nn.hingeLoss(x, tf.ones(x.shape)),
    () => tf.ones([2]),
  ],
  "binary cross entropy of 0 and 1": [
    (x) => nn.binaryCrossEntropy(x, tf.tensor1d([0, 1, 1, 0])),
    vector(0, 1, 0, 1),
  ],
  "focal loss with a power below 1": [
    (x) => nn.sigmoidFocalLoss(x, tf.ones(x.shape), { gamma: 0.3 }),
    vector(50, 120, 1000),
  ],
  "divergence of probabilities 0": [
    (x) => nn.klDivergence(tf.zerosLike(x), x),
    zeros(2, 3),
  ],
  "smoothed labels": [(x) => nn.smoothLabels(x, 0.1), zeros(2, 3)],
  ...Object.fromEntries(
    ([
      "relu",
      "relu6",
      "leakyRelu",
      "elu",
      "celu",
      "selu",
      "gelu",
      "silu",
      "mish",
      "sigmoid",
      "logSigmoid",
      "tanh",
      "tanhshrink",
      "softplus",
      "squareplus",
      "softsign",
      "hardsigmoid",
      "hardswish",
      "hardtanh",
      "hardshrink",
      "softshrink",
      "sparsePlus",
      "sparseSigmoid",
      "softmax",
      "softmin",
      "logSoftmax",
    ] as const).map((name): [string, [F, () => tf.Tensor]] => [
      `${name} at its kinks and far out`,
      [
        (x) => (nn[name] as F)(x),
        vector(-1e4, -100, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 100, 1e4),
      ],
    ]),
  ),
  "squareplus of width 0": [(x) => nn.squareplus(x, 0), vector(-1, 0, 1)],
  "hardtanh at infinity": [
    (x) => nn.hardtanh(x),
    vector(-Infinity, Infinity),
    0,
  ],
  "glu of zeros": [(x) => nn.glu(x), zeros(2, 4)],
};

/** Layers, and inputs at which they divide by something that is 0 or close to it. */
const layers: Record<string, [() => nn.Module, () => tf.Tensor]> = {
  "LayerNorm of equal features": [() => new nn.LayerNorm(3), zeros(2, 3)],
  "RMSNorm of zeros": [() => new nn.RMSNorm(3), zeros(2, 3)],
  "GroupNorm of zeros": [
    () => new nn.GroupNorm(4, { numGroups: 2 }),
    zeros(2, 3, 4),
  ],
  "InstanceNorm of one cell": [() => new nn.InstanceNorm(4), zeros(2, 1, 4)],
  "BatchNorm of a constant channel": [() => new nn.BatchNorm0d(3), zeros(4, 3)],
  "AvgPool of windows that lie in the padding": [
    () => new nn.AvgPool2d(1, { padding: 2, stride: 1 }),
    zeros(1, 2, 2, 1),
  ],
  "AvgPool1d of windows that lie in the padding": [
    () => new nn.AvgPool1d(2, { padding: [[3, 3]] }),
    zeros(1, 4, 1),
  ],
  "AvgPool3d of windows that lie in the padding": [
    () => new nn.AvgPool3d(1, { padding: 1 }),
    zeros(1, 2, 2, 2, 1),
  ],
  "MaxPool of windows that lie in the padding": [
    () => new nn.MaxPool2d(1, { padding: 2, stride: 1 }),
    zeros(1, 2, 2, 1),
  ],
  "LSTM of zeros": [() => new nn.RNN(new nn.LSTMCell(2, 3)), zeros(1, 3, 2)],
  "attention of zeros": [() => new nn.MultiHeadAttention(4, 2), zeros(1, 3, 4)],
};

async function assertFinite(x: tf.Tensor, what: string) {
  const values = await numbers(x);
  assert(values.every(Number.isFinite), `${what}: ${values}`);
  return values;
}

for (const [name, [f, x, want]] of Object.entries(cases)) {
  onEachBackend(`the gradient is finite: ${name}`, async () => {
    const gradient = autodiff.vectorGrad((x: tf.Tensor) => f(x))(x());
    const values = await assertFinite(gradient, name);
    if (want !== undefined) {
      assertEquals(values.map((v) => v + 0), values.map(() => want));
    }
  });
}

for (const [name, [make, x]] of Object.entries(layers)) {
  onEachBackend(`the gradients are finite: ${name}`, async () => {
    const layer = make();
    const states = layer.states(ParamState);
    const loss = (x: tf.Tensor) =>
      tf.sum<tf.Scalar>(layer.call(x as never) as tf.Tensor);
    const dx = environ.context({ fit: true }, () => autodiff.grad(loss)(x()));
    if (!name.startsWith("MaxPool")) {
      const y = environ.context({ fit: true }, () => layer.call(x() as never));
      await assertFinite(y as tf.Tensor, name);
    }
    await assertFinite(dx, name);
    if (Object.keys(states).length === 0) return;
    const grads = environ.context(
      { fit: true },
      () => autodiff.grad(loss, { states })(x()),
    );
    for (const [path, dx] of Object.entries(grads)) {
      await assertFinite(dx, `${name} ${path}`);
    }
  });
}
