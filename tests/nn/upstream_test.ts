/**
 * Results of brainstate 0.5.4 and braintools 0.3.0.
 */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { autodiff, environ, nn, optim, ParamState, scope } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

/** `linspace(-0.5, 0.5)` in the shape asked for. */
const linspace = {
  init(shape: readonly number[]) {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from(
      { length: size },
      (_, i) => size === 1 ? -0.5 : -0.5 + i / (size - 1),
    );
    return tf.tensor(values, [...shape]);
  },
};
const inits = { weightInit: linspace, biasInit: linspace };

function mlp() {
  const model = new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
    new nn.Linear(2, 3, inits),
    nn.tanh,
    new nn.Linear(3, 1, inits),
  );
  const x = tf.tensor2d([[1, 2], [-1, 0.5], [0.25, -0.75], [2, -1]]);
  const y = tf.tensor2d([[1], [0], [-1], [0.5]]);
  const states = model.states(ParamState);
  const lossGrad = autodiff.grad(
    () => nn.squaredError(model.call(x), y, { reduction: "mean" }),
    { states, returnValue: true },
  );
  return { model, states, lossGrad };
}

onEachBackend("the gradients of brainstate's perceptron", async () => {
  const { lossGrad } = mlp();
  const [grads] = lossGrad();
  const want = {
    "layers.0.weight": tf.tensor2d([[0.0708289, 0, -0.2695378], [
      0.3025157,
      0,
      -0.0950218,
    ]]),
    "layers.0.bias": tf.tensor1d([0.0349218, 0, -0.0049932]),
    "layers.2.weight": tf.tensor2d([[0.2728111], [-0.0391543], [-0.2776719]]),
    "layers.2.bias": tf.tensor1d([-0.3452928]),
  };
  assertEquals(Object.keys(grads), Object.keys(want));
  for (const [path, value] of Object.entries(want)) {
    await assertClose(grads[path]!, value, 1e-6, path);
  }
});

const runs = {
  SGD: {
    make: () => new optim.SGD({ lr: 0.1 }),
    losses: [0.422765, 0.382256, 0.354877, 0.333450],
    bias: [-0.489214, -0.000062, 0.480319],
  },
  "SGD with momentum": {
    make: () => new optim.SGD({ lr: 0.1, momentum: 0.9 }),
    losses: [0.422765, 0.382256, 0.332465, 0.292829],
    bias: [-0.470435, -0.000859, 0.447788],
  },
  Adam: {
    make: () => new optim.Adam({ lr: 0.01 }),
    losses: [0.422765, 0.406469, 0.391306, 0.377049],
    bias: [-0.527228, 0.025062, 0.490387],
  },
  AdamW: {
    make: () => new optim.AdamW({ lr: 0.01, weightDecay: 0.1 }),
    losses: [0.422765, 0.406603, 0.391565, 0.377420],
    bias: [-0.525393, 0.025039, 0.488448],
  },
};
for (const [name, { make, losses, bias }] of Object.entries(runs)) {
  onEachBackend(
    `the losses of brainstate's perceptron under ${name}`,
    async () => {
      const { states, lossGrad } = mlp();
      const optimizer = make().registerTrainableWeights(states);
      for (const want of losses) {
        const [grads, loss] = lossGrad();
        assertAlmostEquals((await loss.data())[0]!, want, 2e-6);
        optimizer.step(grads);
      }
      // The middle bias has a gradient of rounding noise, which Adam makes a step of.
      const actual = await states["layers.0.bias"]!.value.data();
      for (const i of name.startsWith("Adam") ? [0, 2] : [0, 1, 2]) {
        assertAlmostEquals(actual[i]!, bias[i]!, 2e-6);
      }
    },
    { only: ["cpu", "wasm"] },
  );
}

const cells = {
  VanillaRNNCell: {
    make: () => new nn.VanillaRNNCell(2, 2, inits),
    steps: [[-0.655974, 0.211065], [-0.639418, 0.177357]],
  },
  GRUCell: {
    make: () => new nn.GRUCell(2, 2, inits),
    steps: [[-0.311601, 0.117789], [-0.472527, 0.170475]],
  },
  LSTMCell: {
    make: () => new nn.LSTMCell(2, 2, inits),
    steps: [[-0.073205, -0.062259], [-0.121771, -0.107830]],
  },
};
for (const [name, { make, steps }] of Object.entries(cells)) {
  onEachBackend(`two steps of brainstate's ${name}`, async () => {
    const cell = make();
    cell.initState(1);
    for (const want of steps) {
      const h = scope(() => cell.call(tf.tensor2d([[1, -1]])));
      await assertClose(h, tf.tensor2d([want]), 1e-5, name);
    }
    if (name === "LSTMCell") {
      await assertClose(
        cell.hidden!.c!.value,
        tf.tensor2d([[-0.241668, -0.199324]]),
        1e-5,
        "c",
      );
    }
  });
}

onEachBackend("brainstate's normalizations", async () => {
  const x = tf.tensor2d(
    Array.from({ length: 12 }, (_, i) => i ** 1.5),
    [4, 3],
  );
  const row = (y: tf.Tensor, i: number) => tf.slice(y, [i, 0], [1, 3]);
  await assertClose(
    row(new nn.LayerNorm<tf.Tensor2D>(3).call(x), 1),
    tf.tensor2d([[-1.19827, -0.051336, 1.249606]]),
    1e-5,
    "LayerNorm",
  );
  await assertClose(
    row(new nn.RMSNorm<tf.Tensor2D>(3).call(x), 1),
    tf.tensor2d([[0.612372, 0.942809, 1.317616]]),
    1e-5,
    "RMSNorm",
  );
  const norm = new nn.BatchNorm0d(3);
  const fitted = environ.context({ fit: true }, () => norm.call(x));
  environ.context({ fit: true }, () => norm.call(x));
  await assertClose(
    row(fitted, 0),
    tf.tensor2d([[-1.141009, -1.193667, -1.222108]]),
    1e-5,
    "fit",
  );
  await assertClose(
    norm.runningMean!.value,
    tf.tensor1d([0.233293, 0.294236, 0.363767]),
    1e-5,
    "mean",
  );
  await assertClose(
    norm.runningVar!.value,
    tf.tensor1d([3.080839, 3.634386, 4.161117]),
    1e-5,
    "variance",
  );
  const evaluated = environ.context({ fit: false }, () => norm.call(x));
  await assertClose(
    row(evaluated, 0),
    tf.tensor2d([[-0.132913, 0.370206, 1.208236]]),
    1e-5,
    "eval",
  );
});

onEachBackend("brainstate's convolution and pool", async () => {
  const x = tf.tensor4d(
    Array.from({ length: 9 }, (_, i) => i),
    [1, 3, 3, 1],
  );
  const conv = new nn.Conv2d(1, 1, 2, {
    weightInit: linspace,
    biasInit: new nn.init.One(),
  });
  const want = [
    3.3333,
    3.3333,
    0.8333,
    3.3333,
    3.3333,
    -0.1667,
    -3.1667,
    -3.8333,
    -3,
  ];
  await assertClose(
    conv.call(x),
    tf.tensor4d(want, [1, 3, 3, 1]),
    5e-5,
    "Conv2d",
  );
  const pool = new nn.AvgPool2d(2, { padding: "same" });
  await assertClose(
    pool.call(x),
    tf.tensor4d([2, 3.5, 6.5, 8], [1, 2, 2, 1]),
    1e-6,
    "AvgPool2d",
  );
});

onEachBackend("brainstate's losses, GELU and Welford metric", async () => {
  const one = async (x: tf.Tensor) => (await x.data())[0]!;
  assertAlmostEquals(
    await one(nn.softmaxCrossEntropy(
      tf.tensor2d([[1, 2, 3]]),
      tf.tensor1d([0], "int32"),
    )),
    2.407606,
    1e-5,
  );
  const zero = tf.zeros([2]);
  await assertClose(
    nn.l2Loss(tf.tensor1d([1, 2]), zero),
    tf.tensor1d([0.5, 2]),
    1e-6,
    "l2",
  );
  await assertClose(
    nn.huberLoss(tf.tensor1d([0.5, 2]), zero),
    tf.tensor1d([0.125, 1.5]),
    1e-6,
    "huber",
  );
  const x = tf.tensor1d([1]);
  assertAlmostEquals(
    await one(nn.gelu(x, { approximate: true })),
    0.841192,
    1e-6,
  );
  assertAlmostEquals(await one(nn.gelu(x)), 0.841345, 1e-6);
  const metric = new nn.WelfordMetric();
  metric.update(tf.tensor1d([1, 2, 3]));
  metric.update(tf.tensor1d([10]));
  const { mean, std, sem } = await metric.compute();
  assertAlmostEquals(mean, 4, 1e-6);
  assertAlmostEquals(std, 3.535534, 1e-6);
  assertAlmostEquals(sem, 1.767767, 1e-6);
});

onEachBackend(
  "initializers have the deviations that brainstate's have",
  async () => {
    const deviation = async (x: tf.Tensor) => {
      const values = Float32Array.from(await x.data());
      const square = values.reduce((sum, v) => sum + v * v, 0);
      return Math.sqrt(square / values.length);
    };
    const linear = new nn.Linear(1000, 500);
    const conv = new nn.Conv2d(64, 128, 3);
    assertAlmostEquals(
      await deviation(linear.weight.value),
      Math.sqrt(2 / 1000),
      2e-4,
    );
    assertAlmostEquals(await deviation(conv.weight.value), 0.034, 4e-4);
    assert((await linear.bias!.value.data()).every((b) => b === 0));
  },
  { only: ["cpu"] },
);
