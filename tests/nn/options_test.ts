/** Every public constructor and function of `nn` refuses an option that it does not know. */
import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { autodiff, environ, nn, random, scope, State } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

/** What to call with an options object, and the options that it has. */
type Row = readonly [(options: never) => unknown, readonly string[]];

const weights = ["bias", "weightInit", "biasInit", "random"];
const neurons = ["stateInit", "random"];
const integrateAndFire = [
  "detachReset",
  "tau",
  "dt",
  "vTh",
  "vReset",
  "vRest",
  "reset",
  "surrogate",
  ...neurons,
];
const cell = ["weightInit", "biasInit", "random", "activation", "stateInit"];
const stacked = ["layers", "bidirectional", "rate", "lastOnly"];
const masked = [...weights, "weightMask"];
const conv = [...masked, "stride", "padding", "dilation", "groups"];
const norm = ["eps", "scale", "bias"];
const pool = ["stride", "padding"];
const dropout = ["rate", "random"];
const batchNorm = ["momentum", "eps", "affine", "trackRunningStats"];
const fan = ["scale", "mode"];
const loss = ["reduction"];
const embedding = ["paddingIdx", "maxNorm", "normType", "scaleGradByFreq"];

const layers: Record<string, Row> = {
  Linear: [(o) => new nn.Linear(2, 3, o), masked],
  Conv1d: [(o) => new nn.Conv1d(2, 3, 1, o), conv],
  Conv2d: [(o) => new nn.Conv2d(2, 3, 1, o), conv],
  Conv3d: [(o) => new nn.Conv3d(2, 3, 1, o), conv],
  ConvTranspose1d: [
    (o) => new nn.ConvTranspose1d(2, 3, 1, o),
    [...conv, "outputPadding"],
  ],
  ConvTranspose2d: [
    (o) => new nn.ConvTranspose2d(2, 3, 1, o),
    [...conv, "outputPadding"],
  ],
  ConvTranspose3d: [
    (o) => new nn.ConvTranspose3d(2, 3, 1, o),
    [...conv, "outputPadding"],
  ],
  ConstantPad1d: [(o) => new nn.ConstantPad1d(1, o), ["value"]],
  ConstantPad2d: [(o) => new nn.ConstantPad2d(1, o), ["value"]],
  ConstantPad3d: [(o) => new nn.ConstantPad3d(1, o), ["value"]],
  MaxPool1d: [(o) => new nn.MaxPool1d(2, o), pool],
  MaxPool2d: [(o) => new nn.MaxPool2d(2, o), pool],
  MaxPool3d: [(o) => new nn.MaxPool3d(2, o), pool],
  AvgPool1d: [(o) => new nn.AvgPool1d(2, o), pool],
  AvgPool2d: [(o) => new nn.AvgPool2d(2, o), pool],
  AvgPool3d: [(o) => new nn.AvgPool3d(2, o), pool],
  Flatten: [(o) => new nn.Flatten(o), ["order"]],
  Upsample: [(o) => new nn.Upsample(2, o), ["mode"]],
  BatchNorm0d: [(o) => new nn.BatchNorm0d(2, o), batchNorm],
  BatchNorm1d: [(o) => new nn.BatchNorm1d(2, o), batchNorm],
  BatchNorm2d: [(o) => new nn.BatchNorm2d(2, o), batchNorm],
  BatchNorm3d: [(o) => new nn.BatchNorm3d(2, o), batchNorm],
  LayerNorm: [(o) => new nn.LayerNorm(2, o), norm],
  RMSNorm: [(o) => new nn.RMSNorm(2, o), ["eps", "scale"]],
  GroupNorm: [(o) => new nn.GroupNorm(32, o), [
    ...norm,
    "numGroups",
    "groupSize",
  ]],
  InstanceNorm: [(o) => new nn.InstanceNorm(2, o), norm],
  Dropout: [(o) => new nn.Dropout(o), dropout],
  Dropout1d: [(o) => new nn.Dropout1d(o), dropout],
  Dropout2d: [(o) => new nn.Dropout2d(o), dropout],
  Dropout3d: [(o) => new nn.Dropout3d(o), dropout],
  AlphaDropout: [(o) => new nn.AlphaDropout(o), dropout],
  Embedding: [
    (o) => new nn.Embedding(2, 3, o),
    [...embedding, "weightInit", "random"],
  ],
  VanillaRNNCell: [
    (o) => new nn.VanillaRNNCell(2, 3, o),
    cell,
  ],
  GRUCell: [(o) => new nn.GRUCell(2, 3, o), [...cell, "resetAfter"]],
  MGUCell: [(o) => new nn.MGUCell(2, 3, o), [...cell, "resetAfter"]],
  LSTM: [(o) => new nn.LSTM(2, 3, o), [...cell, ...stacked]],
  GRU: [(o) => new nn.GRU(2, 3, o), [...cell, ...stacked, "resetAfter"]],
  LSTMCell: [(o) => new nn.LSTMCell(2, 3, o), cell],
  LeakyIntegrator: [
    (o) => new nn.LeakyIntegrator(2, o),
    ["tau", "dt", ...neurons],
  ],
  LIFCell: [(o) => new nn.LIFCell(2, o), integrateAndFire],
  ALIFCell: [
    (o) => new nn.ALIFCell(2, o),
    [...integrateAndFire, "tauA", "beta"],
  ],
  IzhikevichCell: [
    (o) => new nn.IzhikevichCell(2, o),
    ["a", "b", "c", "d", "vTh", "dt", "surrogate", ...neurons],
  ],
  RNN: [
    (o) => new nn.RNN(cellOf(), o),
    ["reverse", "lastOnly"],
  ],
  MultiHeadAttention: [
    (o) => new nn.MultiHeadAttention(2, 1, o),
    [...weights, "causal", "rate", "keySize"],
  ],
  TransformerBlock: [(o) => new nn.TransformerBlock(2, 1, o), [
    "hiddenSize",
    "causal",
    "rate",
    "activation",
    "bias",
    "weightInit",
    "random",
  ]],
  LoRA: [
    (o) => new nn.LoRA(layer(), 1, o),
    ["alpha", "random"],
  ],
  addLoRA: [
    (o) => nn.addLoRA(new nn.Sequential(layer()), o),
    ["alpha", "random", "rank", "where"],
  ],
  GELU: [(o) => new nn.GELU(o), ["approximate"]],
  Hardtanh: [(o) => new nn.Hardtanh(o), ["min", "max"]],
  PReLU: [(o) => new nn.PReLU(o), ["numParameters", "init"]],
  RReLU: [(o) => new nn.RReLU(o), ["lower", "upper", "random"]],
  AccuracyMetric: [(o) => new nn.AccuracyMetric(o), ["topK"]],
  PrecisionMetric: [(o) => new nn.PrecisionMetric(2, o), ["average"]],
  RecallMetric: [(o) => new nn.RecallMetric(2, o), ["average"]],
  F1ScoreMetric: [(o) => new nn.F1ScoreMetric(2, o), ["average"]],
};

const initializers: Record<string, Row> = {
  Normal: [(o) => new nn.init.Normal(o), ["mean", "std"]],
  TruncatedNormal: [
    (o) => new nn.init.TruncatedNormal(o),
    ["mean", "std", "lower", "upper"],
  ],
  Uniform: [(o) => new nn.init.Uniform(o), ["min", "max"]],
  VarianceScaling: [
    (o) => new nn.init.VarianceScaling(o),
    [...fan, "distribution"],
  ],
  KaimingNormal: [(o) => new nn.init.KaimingNormal(o), fan],
  KaimingUniform: [(o) => new nn.init.KaimingUniform(o), fan],
  XavierNormal: [(o) => new nn.init.XavierNormal(o), fan],
  XavierUniform: [(o) => new nn.init.XavierUniform(o), fan],
  LecunNormal: [(o) => new nn.init.LecunNormal(o), fan],
  LecunUniform: [(o) => new nn.init.LecunUniform(o), fan],
  Orthogonal: [(o) => new nn.init.Orthogonal(o), ["scale"]],
};

const a = () => tf.ones<tf.Rank.R2>([2, 3]);
/** Made once, so that rows of the table leave no states of their own. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
const layer = once(() => new nn.Linear(2, 3));
const cellOf = once(() => new nn.GRUCell(2, 3));
const dict = once(() => nn.stateDict(layer()));
const attentionOf = once(() => new nn.MultiHeadAttention(3, 1));
const blockOf = once(() => new nn.TransformerBlock(3, 1));
const crossEntropy = [...loss, "labelSmoothing", "classWeights", "ignoreIndex"];
const attention = ["causal", "keyMask", "mask"];
const x = () => tf.ones<tf.Rank.R4>([1, 1, 2, 3]);
const scalar = () => tf.scalar(1);

const functions: Record<string, Row> = {
  squaredError: [(o) => nn.squaredError(a(), a(), o), loss],
  l2Loss: [(o) => nn.l2Loss(a(), a(), o), loss],
  absoluteError: [(o) => nn.absoluteError(a(), a(), o), loss],
  huberLoss: [(o) => nn.huberLoss(a(), a(), o), [...loss, "delta"]],
  logCosh: [(o) => nn.logCosh(a(), a(), o), loss],
  cosineDistance: [(o) => nn.cosineDistance(a(), a(), o), loss],
  klDivergence: [(o) => nn.klDivergence(a(), a(), o), loss],
  hingeLoss: [(o) => nn.hingeLoss(a(), a(), o), loss],
  binaryCrossEntropy: [(o) => nn.binaryCrossEntropy(a(), a(), o), loss],
  sigmoidBinaryCrossEntropy: [
    (o) => nn.sigmoidBinaryCrossEntropy(a(), a(), o),
    [...loss, "positiveWeight"],
  ],
  sigmoidFocalLoss: [
    (o) => nn.sigmoidFocalLoss(a(), a(), o),
    [...loss, "alpha", "gamma"],
  ],
  softmaxCrossEntropy: [
    (o) => nn.softmaxCrossEntropy(a(), a(), o),
    crossEntropy,
  ],
  nllLoss: [(o) => nn.nllLoss(a(), a(), o), crossEntropy],
  ctcLoss: [
    (o) => nn.ctcLoss(tf.ones([1, 2, 3]), tf.ones([1, 1]), o),
    [...loss, "blank", "inputLengths", "labelLengths", "zeroInfinity"],
  ],
  safeNorm: [(o) => nn.safeNorm(a(), o), ["axis", "keepDims"]],
  gelu: [(o) => nn.gelu(a(), o), ["approximate"]],
  hardtanh: [(o) => nn.hardtanh(a(), o), ["min", "max"]],
  "surrogate.sigmoid": [(o) => nn.surrogate.sigmoid(o), ["alpha"]],
  "surrogate.arctan": [(o) => nn.surrogate.arctan(o), ["alpha"]],
  "surrogate.superSpike": [(o) => nn.surrogate.superSpike(o), ["alpha"]],
  "surrogate.triangle": [
    (o) => nn.surrogate.triangle(o),
    ["scale", "width"],
  ],
  "surrogate.multiGaussian": [
    (o) => nn.surrogate.multiGaussian(o),
    ["h", "s", "sigma", "scale"],
  ],
  scaledDotProductAttention: [
    (o) => nn.scaledDotProductAttention(x(), x(), x(), o),
    [...attention, "rate", "random"],
  ],
  "MultiHeadAttention.call": [
    (o) => attentionOf().call(tf.ones([1, 2, 3]), undefined, o),
    attention,
  ],
  "TransformerBlock.call": [
    (o) => blockOf().call(tf.ones([1, 2, 3]), o),
    attention,
  ],
  "Embedding.fromPretrained": [
    (o) => nn.Embedding.fromPretrained(a(), o),
    embedding,
  ],
  namedParameters: [
    (o) => nn.namedParameters(layer(), o),
    ["prefix", "recurse"],
  ],
  parameterCount: [(o) => nn.parameterCount(layer(), o), ["trainable"]],
  predictor: [(o) => nn.predictor(layer(), o), ["batchSize"]],
  loadStateDict: [
    (o) => nn.loadStateDict(layer(), dict(), o),
    ["strict"],
  ],
  State: [(o) => new State(1, o), ["name", "tags"]],
  "environ.get": [
    (o) => environ.context({ fit: true }, () => environ.get("fit", o)),
    ["default"],
  ],
};

const target = ["states", "argnums", "checkStates"];
const square = (x: tf.Scalar) => tf.square<tf.Scalar>(x);
const differentiation: Record<string, Row> = {
  grad: [
    (o) => autodiff.grad(square, o)(scalar()),
    [...target, "returnValue", "hasAux"],
  ],
  vectorGrad: [
    (o) => autodiff.vectorGrad(square, o)(scalar()),
    [...target, "returnValue", "hasAux"],
  ],
  valueAndGrad: [
    (o) => autodiff.valueAndGrad(square, o)(scalar()),
    [...target, "hasAux"],
  ],
  vjp: [(o) => autodiff.vjp(square, o)(scalar()), target],
  jvp: [
    (o) => autodiff.jvp(square, o)(scalar() as never, scalar()),
    [...target, "hasAux"],
  ],
  linearize: [
    (o) => autodiff.linearize(square, o)(scalar()),
    [...target, "hasAux"],
  ],
  jacobian: [
    (o) => autodiff.jacobian(square, o)(scalar()),
    [...target, "mode"],
  ],
  hessian: [
    (o) => autodiff.hessian(square, o)(scalar()),
    ["states", "argnums"],
  ],
  clipGradNorm: [
    (o) => autodiff.clipGradNorm({ a: scalar() }, 1, o),
    ["normType"],
  ],
};

const draws: Record<string, Row> = {
  uniform: [(o) => random.uniform([2], o), ["min", "max", "random"]],
  normal: [(o) => random.normal([2], o), ["mean", "std", "random"]],
  truncatedNormal: [
    (o) => random.truncatedNormal([2], o),
    ["mean", "std", "lower", "upper", "random"],
  ],
  bernoulli: [(o) => random.bernoulli([2], o), ["p", "random"]],
  randint: [
    (o) => random.randint([2], o),
    ["min", "max", "random"],
  ],
  categorical: [(o) => random.categorical(a(), o), ["random"]],
  permutation: [(o) => random.permutation(3, o), ["random"]],
  choice: [(o) => random.choice(3, o), ["size", "replace", "random"]],
  split: [(o) => random.split(2, o), ["random"]],
};

const all = {
  ...layers,
  ...initializers,
  ...functions,
  ...differentiation,
  ...draws,
};

for (const [name, [call, options]] of Object.entries(all)) {
  onEachBackend(`${name} refuses an option that it does not know`, () => {
    if (name !== "randint") scope(() => void call({} as never));
    const before = tf.memory().numTensors;
    const stream = random.default.value;
    for (
      const unknown of ["nope", "constructor", "__proto__", `${options[0]}s`]
    ) {
      const given = Object.fromEntries([[unknown, 1]]);
      const error = assertThrows(
        () => scope(() => void call(given as never)),
        TypeError,
      );
      const start = `there is no option "${unknown}": `;
      assert(error.message.includes(start), error.message);
      const hint = error.message.split(start)[1]!;
      const named = options.filter((option) => hint.includes(`"${option}"`));
      assert(named.length > 0, error.message);
      if (unknown === `${options[0]}s`) {
        assertEquals(hint, `did you mean "${options[0]}"?`);
      }
    }
    for (const wrong of [null, 3, "text", [1]]) {
      assertThrows(
        () => scope(() => void call(wrong as never)),
        TypeError,
        "must be",
      );
    }
    assertEquals(tf.memory().numTensors, before);
    assertEquals(random.default.value, stream);
  }, cpu);

  onEachBackend(`${name} refuses a wrong kind of value for each option`, () => {
    // Differentiation checks what is given as states itself.
    for (const option of options.filter((o) => o !== "default")) {
      assertThrows(
        () => scope(() => void call({ [option]: Symbol("wrong") } as never)),
        Error,
        "Cannot",
        option,
      );
    }
  }, cpu);
}

onEachBackend(
  "the options that users bring from other libraries are named",
  () => {
    const cases: [() => unknown, string][] = [
      [
        () => new nn.Dropout({ p: 0.9 } as never),
        'Cannot create Dropout: there is no option "p": there are "rate"',
      ],
      [
        () => new nn.Linear(2, 3, { useBias: false } as never),
        'there is no option "useBias": did you mean "bias"?',
      ],
      [
        () => new nn.LayerNorm(2, { epsilon: 1e-5 } as never),
        'there is no option "epsilon": did you mean "eps"?',
      ],
      [
        () => new nn.Conv2d(1, 1, 1, { strides: 2 } as never),
        'did you mean "stride"?',
      ],
      [
        () => new nn.Conv2d(1, 1, 1, { dilationRate: 2 } as never),
        'did you mean "dilation"?',
      ],
      [
        () => new nn.BatchNorm2d(3, { track_running_stats: false } as never),
        'did you mean "trackRunningStats"?',
      ],
      [
        () =>
          nn.softmaxCrossEntropy(a(), a(), { label_smoothing: 0.1 } as never),
        'did you mean "labelSmoothing"?',
      ],
      [
        () => autodiff.grad(square, { has_aux: true } as never),
        'did you mean "hasAux"?',
      ],
      [
        () =>
          new (nn.ReLU as unknown as new (o: unknown) => unknown)({
            inplace: true,
          }),
        "Cannot create ReLU: it takes no further arguments",
      ],
      [
        () => new nn.LeakyReLU({ negativeSlope: 0.2 } as never),
        "Cannot create LeakyReLU: slope must be a number: current value is an object",
      ],
      [
        () =>
          new (nn.Softmax as unknown as new (o: unknown) => unknown)({
            axis: 1,
          }),
        "Cannot create Softmax: axis must be an integer: current value is an object",
      ],
    ];
    for (const [call, message] of cases) assertThrows(call, TypeError, message);
  },
  cpu,
);

Deno.test("every public function and class with options is in the table", () => {
  const without =
    /^(init|surrogate|relu6?|selu|silu|mish|sigmoid|logSigmoid|tanh|tanhshrink|softplus|softsign|hardsigmoid|hardswish|sparsePlus|sparseSigmoid|softmax|softmin|logSoftmax|leakyRelu|elu|celu|squareplus|hardshrink|softshrink|threshold|prelu|glu|cosineSimilarity|smoothLabels|scan|all|any|not|frozen|freeze|unfreeze|trainable|mergeLoRA|stateDict|describe|summary|initState|resetState|param|checkInput)$/;
  const abstract =
    /^(Module|Sequential|Identity|Elementwise|GLU|Conv|ConvTranspose|Pool|MaxPool|AvgPool|BatchNorm|RNNCell|Adaptive.*|(Copied|Constant)?Pad|(Reflection|Replication|Circular)Pad.*|.*Metric|ConfusionMatrix|ReLU6?|LeakyReLU|ELU|CELU|SELU|SiLU|Mish|Sigmoid|LogSigmoid|Tanh(shrink)?|Soft(plus|sign|max|min|shrink)|LogSoftmax|Hard(sigmoid|swish|shrink)|Threshold)$/;
  for (const name of Object.keys(nn)) {
    if (without.test(name) || abstract.test(name)) continue;
    assert(
      Object.hasOwn(all, name) || name === "refreshStatistics",
      `${name} is not in the table`,
    );
  }
  const others =
    /^(globalNorm|customGradient|stopGradient|recompute|debugNaN|hessianVectorProduct)$/;
  for (const name of Object.keys(autodiff)) {
    assert(others.test(name) || Object.hasOwn(all, name), name);
  }
  for (const name of Object.keys(random)) {
    assert(
      /^(default|seed|withSeed|RandomState)$/.test(name) ||
        Object.hasOwn(all, name),
      name,
    );
  }
});

onEachBackend("constructors refuse arguments that they do not take", () => {
  const make = nn as unknown as Record<
    string,
    new (...args: unknown[]) => unknown
  >;
  const init = nn.init as unknown as typeof make;
  const none = [
    "Identity",
    "GLU",
    "ReLU",
    "ReLU6",
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
    "AverageMetric",
    "WelfordMetric",
    "MeanAbsoluteErrorMetric",
    "MeanSquaredErrorMetric",
    "R2ScoreMetric",
    "PerplexityMetric",
    "AUCMetric",
  ];
  const calls: [string, () => unknown][] = [
    ...none.map((name): [string, () => unknown] => [
      name,
      () => new make[name]!({ ignoreIndex: 3 }),
    ]),
    ["Zero", () => new init["Zero"]!({ value: 1 })],
    ["One", () => new init["One"]!(2)],
    [
      "ConfusionMatrix",
      () => new make["ConfusionMatrix"]!(3, { normalize: true }),
    ],
    ["MultiMetric", () => new make["MultiMetric"]!({}, { prefix: "a" })],
    [
      "AdaptiveAvgPool2d",
      () => new make["AdaptiveAvgPool2d"]!(1, { padding: 1 }),
    ],
    [
      "AdaptiveMaxPool1d",
      () => new make["AdaptiveMaxPool1d"]!(1, { padding: 1 }),
    ],
    ["ReflectionPad1d", () => new make["ReflectionPad1d"]!(1, { value: 1 })],
    ["CircularPad2d", () => new make["CircularPad2d"]!(1, { mode: "wrap" })],
    ["LeakyReLU", () => new make["LeakyReLU"]!(0.1, { inplace: true })],
    ["Threshold", () => new make["Threshold"]!(1, 2, true)],
  ];
  for (const [name, call] of calls) {
    assertThrows(
      call,
      TypeError,
      `Cannot create ${name}: it takes no further arguments: current values are`,
    );
  }
}, cpu);

onEachBackend(
  "a class without a number of axes is refused, with those that have one",
  () => {
    const make = nn as unknown as Record<
      string,
      new (size: unknown) => unknown
    >;
    for (
      const name of [
        "BatchNorm",
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AvgPool",
        "ConstantPad",
        "CircularPad",
      ]
    ) {
      assertThrows(
        () => new make[name]!(2),
        TypeError,
        `Cannot create ${name}: its class must say the number of axes between batch and channels, as those do whose names end in 1d, 2d or 3d`,
      );
    }
  },
  cpu,
);
