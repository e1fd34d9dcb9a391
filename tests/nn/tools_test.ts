import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { autodiff, nn, optim, ParamState, random, scope } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

const cpu = { only: ["cpu"] } as const;

const net = () =>
  new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
    new nn.Linear(2, 3),
    new nn.BatchNorm0d(3),
    new nn.Linear(3, 1, { bias: false }),
  );

onEachBackend(
  "freeze() and unfreeze() take a path, a filter or everything",
  () => {
    const model = net();
    const left = () => Object.keys(nn.trainable(model));
    const all = left();
    assertEquals(all, Object.keys(model.states(ParamState)));
    nn.freeze(model, "layers.0.bias");
    assertEquals(left(), all.filter((path) => path !== "layers.0.bias"));
    nn.freeze(model, (path) => path.endsWith("weight"));
    assertEquals(left(), ["layers.1.bias"]);
    nn.unfreeze(model, "layers.0");
    assertEquals(left(), ["layers.0.weight", "layers.0.bias", "layers.1.bias"]);
    nn.freeze(model);
    assertEquals(left(), []);
    assertEquals(Object.keys(model.states(nn.frozen)), all);
    nn.unfreeze(model);
    assertEquals(left(), all);
    assertThrows(() => nn.freeze(model, "layers.7"), RangeError, '"layers.7"');
    assertThrows(() => nn.freeze(model, "layers.0.weigh"), RangeError);
  },
  cpu,
);

onEachBackend("training leaves what is frozen as it was", async () => {
  const model = new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
    new nn.Linear(2, 3),
    nn.tanh,
    new nn.Linear(3, 1),
  );
  nn.freeze(model, "layers.0");
  const before = nn.stateDict(model);
  const states = nn.trainable(model);
  const optimizer = new optim.SGD({ lr: 0.1 }).registerTrainableWeights(states);
  const x = tf.ones<tf.Rank.R2>([4, 2]);
  const lossGrad = autodiff.grad(() => tf.sum<tf.Scalar>(model.call(x)), {
    states,
  });
  optimizer.step(lossGrad());
  for (const [path, state] of Object.entries(model.states(ParamState))) {
    const change = tf.max(tf.abs(tf.sub(state.value, before[path]!)));
    const moved = (await change.data())[0]! > 0;
    assertEquals(moved, path.startsWith("layers.2"), path);
  }
}, cpu);

onEachBackend("parameterCount() counts numbers, frozen ones or not", () => {
  const model = net();
  assertEquals(nn.parameterCount(model), 2 * 3 + 3 + 3 + 3 + 3);
  nn.freeze(model, "layers.0");
  assertEquals(nn.parameterCount(model, { trainable: true }), 9);
  const shared = new nn.Linear(2, 2);
  assertEquals(nn.parameterCount(new nn.Sequential(shared, shared)), 6);
}, cpu);

onEachBackend("summary() is a table of long-term states", () => {
  const model = new nn.Sequential(
    new nn.Embedding(1000, 512),
    new nn.BatchNorm1d(512),
  );
  nn.freeze(model, "layers.0");
  assertEquals(nn.summary(model).split("\n"), [
    "path                  kind                 shape        numbers   memory",
    "layers.0.weight       ParamState (frozen)  [1000, 512]  512,000  2.0 MiB",
    "layers.1.weight       ParamState           [512]            512  2.0 KiB",
    "layers.1.bias         ParamState           [512]            512  2.0 KiB",
    "layers.1.runningMean  BatchState           [512]            512  2.0 KiB",
    "layers.1.runningVar   BatchState           [512]            512  2.0 KiB",
    "total                                                   514,048  2.0 MiB",
    "513,024 parameters, 1,024 of them trainable",
  ]);
}, cpu);

onEachBackend("describe() is a line for each module", () => {
  class Net extends nn.Module {
    readonly scale = scope(() => new ParamState(tf.scalar(1)));
    readonly blocks = [new nn.TransformerBlock(4, 2, { bias: false })];
    readonly noise = new random.RandomState(1);
    override update() {}
  }
  assertEquals(nn.describe(new Net()).split("\n"), [
    "Net, scale [], noise",
    "  blocks.0: TransformerBlock",
    "    blocks.0.attentionNorm: LayerNorm, weight [4]",
    "    blocks.0.attention: MultiHeadAttention",
    "      blocks.0.attention.query: Linear, weight [4, 4]",
    "      blocks.0.attention.key: Linear, weight [4, 4]",
    "      blocks.0.attention.value: Linear, weight [4, 4]",
    "      blocks.0.attention.out: Linear, weight [4, 4]",
    "    blocks.0.denseNorm: LayerNorm, weight [4]",
    "    blocks.0.expand: Linear, weight [4, 16]",
    "    blocks.0.contract: Linear, weight [16, 4]",
  ]);
}, cpu);

onEachBackend(
  "stateDict() stays as it was while the model trains",
  async () => {
    const model = new nn.Linear(2, 1);
    const saved = nn.stateDict(model);
    const want = await saved["weight"]!.data();
    const states = model.states(ParamState);
    const optimizer = new optim.SGD({ lr: 1 }).registerTrainableWeights(states);
    const x = tf.ones<tf.Rank.R2>([1, 2]);
    const lossGrad = autodiff.grad(() => tf.sum<tf.Scalar>(model.call(x)), {
      states,
    });
    optimizer.step(lossGrad());
    assertEquals(await saved["weight"]!.data(), want);
    nn.loadStateDict(model, saved);
    assertEquals(await model.weight.value.data(), want);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend("loadStateDict() names what is missing or unexpected", () => {
  const model = new nn.Linear(2, 1);
  const values = { weight: tf.ones([2, 1]), scale: tf.ones([1]) };
  const error = assertThrows(() => nn.loadStateDict(model, values), RangeError);
  assert(
    error.message.includes('missing ["bias"], unexpected ["scale"]'),
    error.message,
  );
  assertEquals(nn.loadStateDict(model, values, { strict: false }), {
    missing: ["bias"],
    unexpected: ["scale"],
  });
  assertThrows(
    () =>
      nn.loadStateDict(model, {
        weight: tf.ones([2, 1]),
        bias: tf.ones([1], "int32"),
      }),
    TypeError,
    "dtype",
  );
}, cpu);

onEachBackend(
  "a random stream of a layer is a state, but no tensor of stateDict()",
  () => {
    const layer = new nn.Dropout({ random: new random.RandomState(1) });
    assertEquals(Object.keys(layer.states()), ["random"]);
    assertEquals(nn.stateDict(layer), {});
  },
  cpu,
);

onEachBackend(
  "Sequential.build() works sizes out, outSize() tells them",
  () => {
    const cnn = nn.Sequential.build<tf.Tensor4D, tf.Tensor2D>(
      [9, 8, 3],
      (size) => new nn.Conv2d(size, 4, 3, { stride: 2 }), // [5, 4, 4]
      () => nn.relu,
      (size) => new nn.BatchNorm2d(size),
      () => new nn.MaxPool2d(2), // [2, 2, 4]
      (size) => new nn.ConvTranspose2d(size, 2, 2, { stride: 3 }), // [6, 6, 2]
      () => new nn.Upsample([1, 2]), // [6, 12, 2]
      () => new nn.AdaptiveMaxPool2d([3, 5]), // [3, 5, 2]
      () => new nn.Dropout(),
      () => new nn.Flatten(),
      (size) => new nn.Linear(size, 7),
      () => new nn.GELU(),
    );
    assertEquals(cnn.outSize([9, 8, 3]), [7]);
    assertEquals(cnn.outSize([null, null, 3].slice(2)), [7]);
    assertThrows(() => cnn.outSize([9, 8, 4]), RangeError, "layers.0");
  },
  cpu,
);

onEachBackend("outSize() is the size that comes out", () => {
  const image = [7, 6, 4];
  const cases: [nn.Module & nn.Sized, number[]][] = [
    [new nn.Conv2d(4, 3, [2, 3], { padding: 2 }), image],
    [new nn.Conv2d(4, 3, 3, { dilation: 2, padding: "valid" }), image],
    [new nn.Conv1d(4, 3, 2, { stride: 2, padding: [[1, 0]] }), [7, 4]],
    [new nn.Conv3d(4, 3, 2, { stride: 2 }), [3, 4, 5, 4]],
    [
      new nn.ConvTranspose1d(4, 3, 3, {
        stride: 2,
        padding: 1,
        outputPadding: 1,
      }),
      [7, 4],
    ],
    [new nn.ConvTranspose2d(4, 3, 2, { stride: 3, padding: "valid" }), image],
    [new nn.ConvTranspose2d(4, 3, 2, { stride: 3 }), image],
    [new nn.MaxPool2d(3, { stride: 2, padding: "same" }), image],
    [new nn.AvgPool2d(3, { stride: 2, padding: 1 }), image],
    [new nn.AdaptiveAvgPool2d([2, 5]), image],
    [new nn.Upsample([2, 3]), image],
    [new nn.Flatten(), image],
    [new nn.GLU(), image],
    [new nn.RNN(new nn.GRUCell(4, 3)), [7, 4]],
    [new nn.RNN(new nn.GRUCell(4, 3), { lastOnly: true }), [7, 4]],
    [new nn.LSTM(4, 3, { layers: 2, bidirectional: true }), [7, 4]],
    [new nn.GRU(4, 3, { bidirectional: true, lastOnly: true }), [7, 4]],
    [new nn.MultiHeadAttention(4, 2), [7, 4]],
    [new nn.TransformerBlock(4, 2), [7, 4]],
    [new nn.LoRA<tf.Tensor>(new nn.Linear<tf.Tensor>(4, 3), 1), [7, 4]],
    [new nn.LayerNorm(4), image],
    [new nn.Identity(), image],
    [new nn.PReLU(), image],
  ];
  for (const [layer, size] of cases) {
    const y = layer.call(tf.ones([2, ...size]) as never) as tf.Tensor;
    assertEquals(
      y.shape.slice(1),
      [...layer.outSize(size)],
      layer.constructor.name,
    );
    y.dispose();
  }
  assertEquals(
    new nn.Embedding(9, 4).outSize([7]),
    new nn.Embedding(9, 4).call(tf.zeros([2, 7], "int32")).shape.slice(1),
  );
}, cpu);

onEachBackend("Sequential takes modules and functions only", () => {
  assertThrows(() => new nn.Sequential(3 as never), TypeError, "layers.0");
  class Odd extends nn.Module {
    override update(x: tf.Tensor): tf.Tensor {
      return x;
    }
  }
  // A module that says nothing of sizes ends the check, and no more.
  new nn.Sequential(new nn.Linear(1, 2), new Odd(), new nn.Linear(5, 1));
  assertThrows(
    () =>
      nn.Sequential.build(
        [1],
        () => new Odd(),
        (size) => new nn.Linear(size, 2),
      ),
    TypeError,
    "outSize",
  );
}, cpu);

const distributions: Record<string, [nn.Initializer, number, number]> = {
  // name: initializer, expected standard deviation for [50, 200] and largest value
  KaimingNormal: [
    new nn.init.KaimingNormal(),
    Math.sqrt(2 / 50),
    2 * Math.sqrt(2 / 50) / 0.8796,
  ],
  "KaimingNormal, fanOut": [
    new nn.init.KaimingNormal({ mode: "fanOut" }),
    Math.sqrt(2 / 200),
    1,
  ],
  KaimingUniform: [
    new nn.init.KaimingUniform(),
    Math.sqrt(2 / 50),
    Math.sqrt(6 / 50),
  ],
  XavierNormal: [new nn.init.XavierNormal(), Math.sqrt(1 / 125), 1],
  XavierUniform: [
    new nn.init.XavierUniform(),
    Math.sqrt(1 / 125),
    Math.sqrt(3 / 125),
  ],
  LecunNormal: [new nn.init.LecunNormal(), Math.sqrt(1 / 50), 1],
  LecunUniform: [
    new nn.init.LecunUniform(),
    Math.sqrt(1 / 50),
    Math.sqrt(3 / 50),
  ],
  Normal: [new nn.init.Normal({ std: 3 }), 3, 20],
  Uniform: [new nn.init.Uniform({ min: -1, max: 1 }), Math.sqrt(1 / 3), 1],
  TruncatedNormal: [new nn.init.TruncatedNormal({ std: 2 }), 2 * 0.8796, 4],
  VarianceScaling: [
    new nn.init.VarianceScaling({ scale: 3, distribution: "normal" }),
    Math.sqrt(3 / 50),
    2,
  ],
  Orthogonal: [new nn.init.Orthogonal(), Math.sqrt(1 / 200), 1],
};
for (const [name, [init, std, largest]] of Object.entries(distributions)) {
  onEachBackend(`${name} has the spread it should`, async () => {
    const draw = () => init.init([50, 200], new random.RandomState(1));
    const values = Float32Array.from(await draw().data());
    const square = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    assert(
      Math.abs(Math.sqrt(square) / std - 1) < 0.03,
      `${Math.sqrt(square)}`,
    );
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    assert(Math.abs(mean) < 5 * std / 100, `mean ${mean}`);
    assert(values.every((x) => Math.abs(x) <= largest));
    assertEquals(
      Float32Array.from(await draw().data()),
      values,
      "the same seed",
    );
  }, cpu);
}

onEachBackend("Orthogonal is orthogonal, in either direction", async () => {
  for (const shape of [[5, 3], [3, 5], [2, 2, 6], [4, 4]]) {
    const x = new nn.init.Orthogonal({ scale: 2 }).init(shape);
    const columns = shape.at(-1)!;
    const matrix = tf.reshape<tf.Rank.R2>(x, [-1, columns]);
    const wide = matrix.shape[0] < columns;
    const product = tf.matMul(matrix, matrix, !wide, wide);
    await assertClose(
      product,
      tf.mul(tf.eye(product.shape[0]), 4),
      1e-5,
      `${shape}`,
    );
  }
}, cpu);

onEachBackend("constants, and an initializer of one's own", async () => {
  const layer = new nn.Linear(2, 3, {
    weightInit: new nn.init.Eye(5),
    biasInit: { init: (shape) => tf.fill([...shape], 7) },
  });
  assertEquals([...await layer.weight.value.data()], [5, 0, 0, 0, 5, 0]);
  assertEquals([...await layer.bias!.value.data()], [7, 7, 7]);
  const deep = new nn.init.Eye().init([2, 2, 2]);
  assertEquals([...await deep.data()], [1, 0, 0, 1, 1, 0, 0, 1]);
  assertThrows(
    () => new nn.Linear(2, 3, { weightInit: { init: () => tf.ones([3, 2]) } }),
    RangeError,
    "[2,3]",
  );
  assertThrows(
    () => new nn.init.KaimingNormal().init([3]),
    RangeError,
    "2 axes",
  );
}, cpu);

onEachBackend("layers draw from the stream they are given", async () => {
  const weights = async (stream?: random.RandomState) =>
    await new nn.Linear(3, 3, stream ? { random: stream } : {}).weight.value
      .data();
  const a = await weights(new random.RandomState(5));
  assertEquals(await weights(new random.RandomState(5)), a);
  const before = random.default.value;
  await weights(new random.RandomState(6));
  assertEquals(random.default.value, before);
  random.seed(5);
  assertEquals(await weights(), a);
}, cpu);

Deno.test("calculateGain() is torch's table", () => {
  const table = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + 0.01 ** 2)),
    selu: 0.75,
  } as const;
  for (const [name, gain] of Object.entries(table)) {
    assertEquals(nn.init.calculateGain(name as keyof typeof table), gain);
  }
  assertEquals(nn.init.calculateGain("leakyRelu", 1), 1);
});

onEachBackend("losses refuse what does not fit", () => {
  const [a, b] = [tf.zeros([2, 3]), tf.zeros([3, 2])];
  for (
    const loss of [
      nn.squaredError,
      nn.absoluteError,
      nn.huberLoss,
      nn.klDivergence,
      nn.sigmoidBinaryCrossEntropy,
      nn.cosineDistance,
      nn.softmaxCrossEntropy,
    ]
  ) {
    const error = assertThrows(() => loss(a, b), RangeError, `Cannot compute`);
    assert(
      error.message.includes("[2, 3]") && error.message.includes("[3, 2]"),
    );
  }
  assertThrows(
    () => nn.squaredError(a, a, { reduction: "average" as never }),
    RangeError,
    '"average"',
  );
  const labels = tf.tensor1d([0, 1], "int32");
  for (
    const [options, error] of [
      [{ labelSmoothing: 1 }, RangeError],
      [{ classWeights: tf.ones<tf.Rank.R1>([2]) }, RangeError],
    ] as const
  ) {
    assertThrows(() => nn.softmaxCrossEntropy(a, labels, options), error);
  }
  assertThrows(
    () => nn.softmaxCrossEntropy(a, a, { ignoreIndex: 0 }),
    TypeError,
  );
  assertThrows(() => nn.huberLoss(a, a, { delta: 0 }), RangeError);
  assertThrows(() => nn.smoothLabels(a, 2), RangeError);
}, cpu);

onEachBackend("losses leave no tensor but their result", () => {
  const [a, labels] = [tf.zeros([2, 3]), tf.tensor1d([0, 1], "int32")];
  const before = tf.memory().numTensors;
  const results = [
    nn.softmaxCrossEntropy(a, labels, {
      labelSmoothing: 0.1,
      reduction: "mean",
    }),
    nn.nllLoss(a, labels, { ignoreIndex: 1 }),
    nn.squaredError(a, a),
    nn.huberLoss(a, a, { reduction: "sum" }),
    nn.logCosh(a, a),
    nn.sigmoidBinaryCrossEntropy(a, a),
    nn.binaryCrossEntropy(a, a),
    nn.sigmoidFocalLoss(a, a),
    nn.cosineDistance(a, a),
    nn.klDivergence(a, a),
    nn.hingeLoss(a, a),
  ];
  assertEquals(tf.memory().numTensors, before + results.length);
  scope(() => void nn.smoothLabels(a, 0.1));
}, cpu);

onEachBackend("no loss is NaN or infinite for extreme input", async () => {
  const logits = tf.tensor2d([[1e4, -1e4], [-1e4, 1e4]]);
  const labels = tf.tensor1d([1, 1], "int32");
  const targets = tf.tensor2d([[0, 1], [1, 0]]);
  const losses: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    softmaxCrossEntropy: (x) => nn.softmaxCrossEntropy(x, labels),
    sigmoidBinaryCrossEntropy: (x) => nn.sigmoidBinaryCrossEntropy(x, targets),
    sigmoidFocalLoss: (x) => nn.sigmoidFocalLoss(x, targets),
    logCosh: (x) => nn.logCosh(x, targets),
    cosineDistance: (x) => nn.cosineDistance(tf.mul(x, 0), targets),
    binaryCrossEntropy: (x) => nn.binaryCrossEntropy(tf.sigmoid(x), targets),
    klDivergence: (x) => nn.klDivergence(x, targets),
  };
  for (const [name, loss] of Object.entries(losses)) {
    const dx = autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(loss(x)), {
      argnums: 0,
    })(logits);
    for (const x of [loss(logits), dx]) {
      assert((await x.data()).every(Number.isFinite), name);
    }
  }
});

onEachBackend(
  "what Sequential returns belongs to its caller, even its input",
  () => {
    const x = tf.ones<tf.Rank.R2>([1, 2]);
    for (const layers of [[], [(x: tf.Tensor) => x]]) {
      const y = new nn.Sequential(...layers).call(x);
      assert(y !== x);
      y.dispose();
      assert(!x.isDisposed);
    }
  },
  cpu,
);
