/** Inputs of another kind: integers, what is no tensor, and tensors that are gone. */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  autodiff,
  environ,
  nn,
  ParamState,
  random,
  scope,
  State,
} from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

const row = [3, 2],
  seq = [2, 4, 2],
  image = [1, 4, 4, 2],
  volume = [1, 3, 3, 3, 2];

/** Every layer, and the shape of its input. */
const layers: Record<string, [() => nn.Module, number[]]> = {
  Linear: [() => new nn.Linear(2, 3), row],
  Conv1d: [() => new nn.Conv1d(2, 3, 2), seq],
  Conv2d: [() => new nn.Conv2d(2, 3, 2, { padding: 1 }), image],
  "Conv2d, depthwise": [() => new nn.Conv2d(2, 4, 2, { groups: 2 }), image],
  Conv3d: [() => new nn.Conv3d(2, 3, 2), volume],
  ConvTranspose1d: [() => new nn.ConvTranspose1d(2, 3, 2), seq],
  ConvTranspose2d: [() => new nn.ConvTranspose2d(2, 3, 2), image],
  MaxPool1d: [() => new nn.MaxPool1d(2), seq],
  MaxPool2d: [() => new nn.MaxPool2d(2, { padding: 1 }), image],
  MaxPool3d: [() => new nn.MaxPool3d(2), volume],
  AvgPool1d: [() => new nn.AvgPool1d(2), seq],
  AvgPool2d: [() => new nn.AvgPool2d(2, { padding: 1 }), image],
  AvgPool3d: [() => new nn.AvgPool3d(2), volume],
  AdaptiveAvgPool2d: [() => new nn.AdaptiveAvgPool2d(3), image],
  AdaptiveMaxPool2d: [() => new nn.AdaptiveMaxPool2d(3), image],
  BatchNorm2d: [() => new nn.BatchNorm2d(2), image],
  LayerNorm: [() => new nn.LayerNorm(2), row],
  RMSNorm: [() => new nn.RMSNorm(2), row],
  GroupNorm: [() => new nn.GroupNorm(2, { numGroups: 1 }), image],
  InstanceNorm: [() => new nn.InstanceNorm(2), image],
  Dropout: [() => new nn.Dropout(), row],
  Dropout2d: [() => new nn.Dropout2d(), image],
  AlphaDropout: [() => new nn.AlphaDropout(), row],
  Upsample: [() => new nn.Upsample(2), image],
  "Upsample, bilinear": [() => new nn.Upsample(2, { mode: "bilinear" }), image],
  "RNN of VanillaRNNCell": [() => new nn.RNN(new nn.VanillaRNNCell(2, 3)), seq],
  "RNN of GRUCell": [() => new nn.RNN(new nn.GRUCell(2, 3)), seq],
  "RNN of MGUCell": [() => new nn.RNN(new nn.MGUCell(2, 3)), seq],
  "RNN of LSTMCell": [() => new nn.RNN(new nn.LSTMCell(2, 3)), seq],
  "RNN of LeakyIntegrator": [() => new nn.RNN(new nn.LeakyIntegrator(2)), seq],
  "RNN of LIFCell": [() => new nn.RNN(new nn.LIFCell(2)), seq],
  "RNN of ALIFCell": [() => new nn.RNN(new nn.ALIFCell(2)), seq],
  "RNN of IzhikevichCell": [() => new nn.RNN(new nn.IzhikevichCell(2)), seq],
  LSTM: [() => new nn.LSTM(2, 3, { layers: 2 }), seq],
  GRU: [() => new nn.GRU(2, 3, { bidirectional: true }), seq],
  MultiHeadAttention: [() => new nn.MultiHeadAttention(2, 1), seq],
  TransformerBlock: [() => new nn.TransformerBlock(2, 1), seq],
  LoRA: [() => new nn.LoRA(new nn.Linear(2, 3), 1), row],
  PReLU: [() => new nn.PReLU(), row],
  RReLU: [() => new nn.RReLU(), row],
  GLU: [() => new nn.GLU(), row],
  Threshold: [() => new nn.Threshold(0.5, -1.5), row],
  ...Object.fromEntries(
    ([
      "ReLU",
      "ReLU6",
      "LeakyReLU",
      "ELU",
      "CELU",
      "SELU",
      "SiLU",
      "Mish",
      "Sigmoid",
      "LogSigmoid",
      "Tanh",
      "Tanhshrink",
      "Softplus",
      "Softsign",
      "Hardsigmoid",
      "Hardswish",
      "Hardshrink",
      "Softshrink",
      "Softmax",
      "Softmin",
      "LogSoftmax",
      "GELU",
      "Hardtanh",
    ] as const).map((name): [string, [() => nn.Module, number[]]] => [
      name,
      [() => new nn[name](), row],
    ]),
  ),
};
/** These move elements only. */
const moves: Record<string, [() => nn.Module, number[]]> = {
  Flatten: [() => new nn.Flatten(), image],
  "Flatten, channels first": [
    () => new nn.Flatten({ order: "channelsFirst" }),
    image,
  ],
  Identity: [() => new nn.Identity(), row],
};

for (const [name, [make, shape]] of Object.entries(layers)) {
  onEachBackend(`${name} of integers is that of the same numbers`, async () => {
    const layer = make();
    const size = shape.reduce((a, b) => a * b, 1);
    const numbers = Array.from({ length: size }, (_, i) => (i * 7) % 5 - 2);
    const x = tf.tensor(numbers, shape);
    for (const fit of [false, true]) {
      const call = (x: tf.Tensor) => {
        random.seed(1);
        return environ.context(
          { fit },
          () => layer.call(x as never),
        ) as tf.Tensor;
      };
      for (const dtype of ["int32", "bool"] as const) {
        const given = tf.cast(x, dtype);
        const y = call(given);
        assertEquals(y.dtype, "float32");
        await assertClose(y, call(tf.cast(given, "float32")), 1e-5, name);
      }
    }
  });
}

const losses = {
  squaredError: nn.squaredError,
  l2Loss: nn.l2Loss,
  absoluteError: nn.absoluteError,
  huberLoss: nn.huberLoss,
  logCosh: nn.logCosh,
  cosineDistance: nn.cosineDistance,
  hingeLoss: nn.hingeLoss,
  sigmoidBinaryCrossEntropy: nn.sigmoidBinaryCrossEntropy,
  sigmoidFocalLoss: nn.sigmoidFocalLoss,
  binaryCrossEntropy: nn.binaryCrossEntropy,
  klDivergence: nn.klDivergence,
  softmaxCrossEntropy: nn.softmaxCrossEntropy,
  nllLoss: nn.nllLoss,
};

for (const [name, loss] of Object.entries(losses)) {
  onEachBackend(`${name} of integers is that of the same numbers`, async () => {
    const p = tf.tensor1d([3, 1, -2, 0]), t = tf.tensor1d([1, 0, 1, 0]);
    const want = loss(p, t);
    const int = (x: tf.Tensor) => tf.cast(x, "int32");
    const pairs = [[int(p), int(t)], [p, int(t)], [int(p), t], [
      p,
      tf.cast(t, "bool"),
    ]];
    for (const [a, b] of pairs) {
      await assertClose(loss(a!, b!), want, 1e-5, name);
    }
  });
}

const cpu = { only: ["cpu"] } as const;
const wrong: [unknown, string][] = [
  [[[1, 2], [3, 4]], "must be a tensor: current value is [[1, 2], [3, 4]]"],
  [
    new Float32Array(2),
    "must be a tensor: current value is an instance of Float32Array",
  ],
  [undefined, "must be a tensor: current value is undefined"],
  [null, "must be a tensor: current value is null"],
  ["text", 'must be a tensor: current value is "text"'],
];

for (const [name, [make, shape]] of Object.entries({ ...layers, ...moves })) {
  onEachBackend(`${name} says what its input must be`, () => {
    const layer = make();
    const gone = tf.ones(shape);
    gone.dispose();
    const message =
      "must be a tensor that has not been disposed: current value is a tensor of float32 with shape";
    for (const [x, end] of [...wrong, [gone, message] as const]) {
      const error = assertThrows(
        () => environ.context({ fit: true }, () => layer.call(x as never)),
        TypeError,
        "Cannot call ",
      );
      assert(error.message.includes(`: the input ${end}`), error.message);
    }
  }, cpu);
}

const x = () => tf.ones<tf.Rank.R2>([2, 2]);
/** Everything else that takes a tensor, and what it is called. */
const others: Record<string, [(z: never) => unknown, string]> = {
  ...Object.fromEntries(
    Object.entries(losses).map((
      [name, loss],
    ): [string, [(z: never) => unknown, string]] => [
      name,
      [(z) => loss(x(), z), `Cannot compute ${name}: `],
    ]),
  ),
  ctcLoss: [(z) => nn.ctcLoss(z, x()), "Cannot compute ctcLoss: logits"],
  cosineSimilarity: [
    (z) => nn.cosineSimilarity(z, x()),
    "Cannot compute cosineSimilarity: ",
  ],
  safeNorm: [(z) => nn.safeNorm(z), "Cannot compute safeNorm: x"],
  smoothLabels: [
    (z) => nn.smoothLabels(z, 0.1),
    "Cannot smooth labels: labels",
  ],
  glu: [(z) => nn.glu(z), "Cannot apply glu: x"],
  scan: [
    (z) => nn.scan((c: tf.Tensor, x) => [c, x], x(), z),
    "Cannot scan: the input",
  ],
  Embedding: [
    (z) => new nn.Embedding(3, 2).call(z),
    "Cannot call Embedding: the input",
  ],
  "Embedding.fromPretrained": [
    (z) => nn.Embedding.fromPretrained(z),
    "Cannot create Embedding: weight",
  ],
  loadStateDict: [
    (z) => nn.loadStateDict(new nn.PReLU(), { weight: z }),
    "Cannot load a state dictionary: values.weight",
  ],
  AccuracyMetric: [
    (z) => new nn.AccuracyMetric().update(x(), z),
    "Cannot update AccuracyMetric: labels",
  ],
  ConfusionMatrix: [
    (z) => new nn.ConfusionMatrix(2).update(z, x()),
    "Cannot update ConfusionMatrix: scores",
  ],
  AUCMetric: [
    (z) => new nn.AUCMetric().update(z, x()),
    "Cannot update AUCMetric: scores",
  ],
  AverageMetric: [
    (z) => new nn.AverageMetric().update(z),
    "Cannot update AverageMetric: values",
  ],
  MeanAbsoluteErrorMetric: [
    (z) => new nn.MeanAbsoluteErrorMetric().update(z, x()),
    "Cannot update MeanAbsoluteErrorMetric: predictions",
  ],
  MeanSquaredErrorMetric: [
    (z) => new nn.MeanSquaredErrorMetric().update(z, x()),
    "Cannot update MeanSquaredErrorMetric: predictions",
  ],
  PerplexityMetric: [(z) => new nn.PerplexityMetric().update(x(), z), "labels"],
  "an argument of grad": [
    (z) => autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(x))(z),
    "Cannot differentiate: argument 0",
  ],
  "an argument of vjp": [
    (z) => autodiff.vjp((x: tf.Tensor) => tf.square(x))(z),
    "Cannot differentiate: argument 0",
  ],
  stopGradient: [
    (z) => autodiff.stopGradient(z),
    "Cannot stop the gradient: x",
  ],
  clipGradNorm: [
    (z) => autodiff.clipGradNorm({ z }, 1),
    "Cannot clip gradients: grads.z",
  ],
  globalNorm: [
    (z) => autodiff.globalNorm({ z }),
    "Cannot compute the norm: tensors.z",
  ],
  categorical: [(z) => random.categorical(z), "Cannot draw classes: logits"],
  ParamState: [(z) => new ParamState(z), "Cannot create ParamState: the value"],
};

for (const [name, [call, start]] of Object.entries(others)) {
  onEachBackend(`${name} says what it must be`, () => {
    const gone = x();
    gone.dispose();
    const message = "must be a tensor that has not been disposed";
    for (const [z, end] of [...wrong, [gone, message] as const]) {
      const error = assertThrows(
        () => scope(() => void call(z as never)),
        TypeError,
      );
      assert(error.message.includes(start), error.message);
      assert(error.message.includes(end), error.message);
    }
  }, cpu);
}

onEachBackend("a state refuses a tensor that has been disposed", () => {
  const gone = tf.scalar(1);
  gone.dispose();
  const message = "the value must be a tensor that has not been disposed";
  assertThrows(() => new State(gone), TypeError, message);
  const state = scope(() => new State(tf.scalar(1)));
  assertThrows(() => state.value = gone, TypeError, message);
  assertThrows(() => state.replace(gone), TypeError, message);
  assertThrows(
    () => autodiff.grad((_: tf.Scalar) => gone)(tf.scalar(1)),
    TypeError,
    "disposed",
  );
}, cpu);

onEachBackend("a layer whose states are disposed says so", () => {
  const layer = new nn.Linear(2, 1);
  const gradient = autodiff.grad(
    () => tf.sum<tf.Scalar>(layer.call(tf.ones([1, 2]))),
    { states: layer.states(ParamState) },
  );
  layer.dispose();
  assertThrows(
    () => layer.call(tf.ones([1, 2])),
    Error,
    "Cannot read Linear.weight: it has been disposed",
  );
  assertThrows(
    () => gradient(),
    Error,
    "Cannot read Linear.weight: it has been disposed",
  );
}, cpu);

onEachBackend(
  "vjp and its relatives take different indices of arguments",
  () => {
    const f = (x: tf.Tensor, y: tf.Tensor) => tf.mul(x, y);
    for (
      const use of [
        autodiff.vjp,
        autodiff.jacobian,
        autodiff.grad,
        autodiff.vectorGrad,
        autodiff.valueAndGrad,
      ]
    ) {
      const run = use as (fn: unknown, options: unknown) => unknown;
      assertThrows(
        () => run(f, { argnums: [0, 0] }),
        RangeError,
        "argnums must differ: current value is [0, 0]",
      );
      assertThrows(
        () => run(f, { argnums: [] }),
        RangeError,
        "argnums must not be empty",
      );
      for (const argnums of [-1, 0.5, NaN, [0, -1], [0.5]]) {
        assertThrows(
          () => run(f, { argnums }),
          RangeError,
          "a nonnegative integer",
        );
      }
      for (const argnums of ["0", ["x"], {}, true]) {
        assertThrows(() => run(f, { argnums }), TypeError, "argnums");
      }
      assertThrows(
        () => run(3, {}),
        TypeError,
        "must be a function: current value is 3",
      );
      assertThrows(
        () => run(f, { states: {} }),
        TypeError,
        "at least one state",
      );
    }
    assertThrows(
      () => autodiff.hessian(f as never, { argnums: -1 }),
      RangeError,
    );
  },
  cpu,
);

onEachBackend(
  "a product with the Hessian pairs states and vectors by name",
  async () => {
    const [a, b] = [2, 3].map((x) => scope(() => new ParamState(tf.scalar(x))));
    const states = { a: a!, b: b! };
    // a² b: the Hessian is [[2 b, 2 a], [2 a, 0]].
    const f = () => tf.mul<tf.Scalar>(tf.square(a!.value), b!.value);
    const product = autodiff.hessianVectorProduct(f, states);
    const [va, vb] = [tf.scalar(10), tf.scalar(100)];
    for (const vector of [{ a: va, b: vb }, { b: vb, a: va }]) {
      const result = product(vector);
      assertEquals([...await result.a.data()], [2 * 3 * 10 + 2 * 2 * 100]);
      assertEquals([...await result.b.data()], [2 * 2 * 10]);
    }
    const twice = autodiff.hessianVectorProduct(f, [a!, a!, b!])([va, va, vb]);
    assertEquals([...await twice[1].data()], [460]);
    for (
      const wrong of [
        { a: va },
        { a: va, b: 3 },
        {},
        [va, vb],
        5,
        null,
        undefined,
      ]
    ) {
      assertThrows(
        () => product(wrong as never),
        TypeError,
        "Cannot multiply by the Hessian: vector",
      );
    }
    assertThrows(
      () => product({ a: tf.ones([2]), b: vb } as never),
      RangeError,
      "vector.a must be of shape []",
    );
  },
);

onEachBackend("functions of models say what a model is", () => {
  const linear = new nn.Linear(2, 1);
  const functions: Record<string, (model: never) => unknown> = {
    freeze: (m) => nn.freeze(m),
    unfreeze: (m) => nn.unfreeze(m),
    trainable: (m) => nn.trainable(m),
    addLoRA: (m) => nn.addLoRA(m),
    mergeLoRA: (m) => nn.mergeLoRA(m),
    stateDict: (m) => nn.stateDict(m),
    loadStateDict: (m) => nn.loadStateDict(m, {}),
    namedParameters: (m) => nn.namedParameters(m),
    parameterCount: (m) => nn.parameterCount(m),
    describe: (m) => nn.describe(m),
    summary: (m) => nn.summary(m),
    initState: (m) => nn.initState(m, 1),
    resetState: (m) => nn.resetState(m),
  };
  for (const [name, call] of Object.entries(functions)) {
    for (
      const wrong of [null, undefined, linear.states(), nn.Linear, "model"]
    ) {
      assertThrows(
        () => call(wrong as never),
        TypeError,
        "model must be a module",
        name,
      );
    }
  }
  assertThrows(
    () => nn.scan(3 as never, tf.scalar(0), tf.ones([2])),
    TypeError,
    "step must be a function",
  );
  assertThrows(
    () => nn.param("w", 0 as never, [2]),
    TypeError,
    "init must be an initializer",
  );
  assertThrows(
    () => nn.param("w", new nn.init.One(), [0.5]),
    RangeError,
    "shape[0]",
  );
  assertThrows(
    () => nn.param("w", { init: () => [1] as never }, [1]),
    TypeError,
    "the value must be a tensor",
  );
  for (
    const f of [
      () => 3,
      () => Promise.resolve(tf.scalar(1)),
      () => [tf.scalar(1)],
    ]
  ) {
    assertThrows(
      () => autodiff.vjp(f as never)(tf.scalar(1)),
      TypeError,
      "must return a tensor of float32",
    );
    assertThrows(
      () => autodiff.jacobian(f as never)(tf.scalar(1)),
      TypeError,
      "must return a tensor",
    );
  }
}, cpu);

onEachBackend("the state of a recurrent network has the cell's tensors", () => {
  const gru = new nn.RNN(new nn.GRUCell(2, 3)),
    lstm = new nn.RNN(new nn.LSTMCell(2, 3));
  const x = tf.ones<tf.Rank.R3>([4, 5, 2]);
  const h = tf.zeros<tf.Rank.R2>([4, 3]);
  assertEquals(gru.call(x, { h }).shape, [4, 5, 3]);
  assertEquals(lstm.call(x, { h, c: h }).shape, [4, 5, 3]);
  const row = tf.zeros<tf.Rank.R2>([1, 3]);
  assertThrows(
    () => gru.call(x, { h: row }),
    RangeError,
    "state.h must be of shape [4, 3]",
  );
  assertThrows(
    () => gru.call(x, {} as never),
    TypeError,
    "state.h must be a tensor",
  );
  assertThrows(
    () => gru.call(x, { h, c: h }),
    TypeError,
    'the state must be h only: current value is "c"',
  );
  assertThrows(
    () => lstm.call(x, { h }),
    TypeError,
    "state.c must be a tensor",
  );
}, cpu);
