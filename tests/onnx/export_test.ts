import { assert, assertEquals, assertRejects } from "@std/assert";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import {
  Gpt2,
  MobileNetV2,
  ResNet,
  VisionTransformer,
} from "../../models/mod.ts";
import * as nn from "../../nn/mod.ts";
import { exportOnnx } from "../../onnx/mod.ts";
import * as random from "../../random.ts";
import { BatchState, ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { assertClose } from "../models/_models.ts";
import { runOnnx, runtime } from "./_runtime.ts";

type Inputs = (batch: number) => tf.Tensor[];

/** Numbers with every sign, the same for each call. */
function numbers(shape: number[]): tf.Tensor {
  const size = tf.util.sizeFromShape(shape);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => i * 37 % 101 / 25 - 2),
    shape,
  );
}

function of(...shape: number[]): Inputs {
  return (batch) => [numbers([batch, ...shape])];
}

function tokens(time: number, count: number): Inputs {
  return (batch) => [
    tf.tensor2d(
      Int32Array.from({ length: batch * time }, (_, i) => i * 7 % count),
      [batch, time],
      "int32",
    ),
  ];
}

/** A module of one function. */
class Fn extends nn.Module {
  readonly #fn: (...xs: tf.Tensor[]) => unknown;
  constructor(fn: (...xs: tf.Tensor[]) => unknown) {
    super();
    this.#fn = fn;
  }
  override update(...xs: tf.Tensor[]): unknown {
    return this.#fn(...xs);
  }
}

const stage = { expand: 3, width: 32, blocks: 2, stride: 2 };

/** Models, and their inputs for a number of examples. */
const MODELS: Record<string, [() => nn.Module, Inputs]> = {
  "a perceptron": [
    () =>
      new nn.Sequential(
        new nn.Flatten(),
        new nn.Linear(12, 8),
        new nn.BatchNorm0d(8),
        nn.relu,
        new nn.Dropout(),
        new nn.Linear(8, 3, { bias: false }),
        nn.softmax,
      ),
    of(3, 4),
  ],
  "a convolutional network": [
    () =>
      new nn.Sequential(
        new nn.Conv2d(2, 4, 3),
        new nn.BatchNorm2d(4),
        nn.relu,
        new nn.MaxPool2d(2),
        new nn.Conv2d(4, 6, 3, { padding: 1, stride: 2, groups: 2 }),
        new nn.AvgPool2d(3, { padding: 1, stride: 1 }),
        new nn.ConvTranspose2d(6, 3, 3, { stride: 2 }),
        new nn.AdaptiveAvgPool2d(2),
        new nn.Flatten(),
        new nn.Linear(12, 5),
      ),
    of(9, 8, 2),
  ],
  "a transformer": [
    () =>
      new nn.Sequential(
        new nn.TransformerBlock(8, 2, { rate: 0.1 }),
        new nn.TransformerBlock(8, 2, { causal: true }),
      ),
    of(5, 8),
  ],
  "an LSTM": [() => new nn.RNN(new nn.LSTMCell(3, 4)), of(4, 3)],
  "a GRU, reversed": [
    () => new nn.RNN(new nn.GRUCell(3, 4), { reverse: true, lastOnly: true }),
    of(4, 3),
  ],
  "LSTMs in two layers and both directions": [
    () => new nn.LSTM(3, 4, { layers: 2, bidirectional: true, rate: 0.5 }),
    of(4, 3),
  ],
  "torch's GRU": [() => new nn.GRU(3, 4, { resetAfter: true }), of(4, 3)],
  "ResNet": [
    () => new ResNet({ widths: [4, 6], blocks: [1, 1], classes: 5 }),
    of(32, 32, 3),
  ],
  "MobileNetV2": [
    () => new MobileNetV2({ width: 0.25, stages: [stage], classes: 5 }),
    of(32, 32, 3),
  ],
  "a vision transformer": [
    () =>
      new VisionTransformer({
        imageSize: 16,
        patchSize: 4,
        width: 12,
        layers: 2,
        classes: 5,
      }),
    of(16, 16, 3),
  ],
  "GPT-2": [
    () =>
      new Gpt2({ vocabulary: 20, context: 8, width: 8, layers: 2, heads: 2 }),
    tokens(6, 20),
  ],
};

/** A model whose parameters and statistics all matter. */
function made(make: () => nn.Module): nn.Module {
  return scope(() => {
    const model = make();
    for (const state of Object.values(model.states(BatchState))) {
      const value = state.value as tf.Tensor;
      state.value = tf.abs(tf.add(value, random.uniform(value.shape)));
    }
    for (const state of Object.values(model.states(ParamState))) {
      const { value } = state;
      state.value = tf.add(value, random.normal(value.shape, { std: 0.1 }));
    }
    return model;
  });
}

function predict(model: nn.Module, inputs: tf.Tensor[]): unknown {
  return environ.context(
    { fit: false },
    () => model.call(...inputs as never[]),
  );
}

for (const [name, [make, inputs]] of Object.entries(MODELS)) {
  onEachBackend(
    `ONNX Runtime computes what ${name} does, for any batch`,
    async () => {
      if (!runtime) return;
      random.seed(2);
      const model = made(make);
      let bytes: Uint8Array = new Uint8Array();
      const example = inputs(2);
      await assertNoLeak(async () => {
        bytes = await exportOnnx(model, example);
      });
      for (const batch of [1, 2, 5]) {
        const xs = inputs(batch);
        const expected = predict(model, xs) as tf.Tensor;
        const { output } = await runOnnx(bytes, xs);
        assertEquals(output!.shape, expected.shape);
        await assertClose(output!, [...await expected.data()], 1e-5);
      }
    },
  );
}

/** Classifies sequences of tokens with padding. */
class Padded extends nn.Module {
  readonly embedding = new nn.Embedding(9, 6);
  readonly attention = new nn.MultiHeadAttention(6, 2);
  readonly lstm = new nn.LSTM(6, 4, { lastOnly: true });
  override update(tokens: tf.Tensor2D, keyMask: tf.Tensor2D): tf.Tensor {
    const x = this.embedding.call(tokens) as tf.Tensor3D;
    const seen = this.attention.call(x, x, { keyMask });
    return this.lstm.call(seen, keyMask);
  }
}

onEachBackend("masks are inputs of the exported model", async () => {
  if (!runtime) return;
  random.seed(4);
  const model = made(() => new Padded());
  const inputs = (batch: number) => {
    const [ids] = tokens(5, 9)(batch);
    const kept = Uint8Array.from(
      { length: 5 * batch },
      (_, i) => Number(i % 5 < 2 + Math.floor(i / 5) % 4),
    );
    return [ids!, tf.tensor2d(kept, [batch, 5], "bool")];
  };
  const bytes = await exportOnnx(model, inputs(2), {
    inputNames: ["tokens", "mask"],
  });
  const xs = inputs(4), expected = predict(model, xs) as tf.Tensor;
  const { output } = await runOnnx(bytes, xs);
  await assertClose(output!, [...await expected.data()], 1e-5);
});

/** What single ops and layers compute, of `[batch, 4, 6]`. */
const OPS: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  "trigonometry": (x) => tf.add(tf.sin(x), tf.mul(tf.cos(x), tf.atan(x))),
  "hyperbolic functions": (x) => tf.add(tf.tanh(x), tf.asinh(x)),
  "rounding": (x) =>
    tf.addN([tf.floor(x), tf.ceil(x), tf.round(x), tf.sign(x)]),
  "logarithms": (x) => tf.add(tf.log1p(tf.abs(x)), tf.expm1(x)),
  "roots and powers": (x) =>
    tf.add(tf.rsqrt(tf.add(tf.abs(x), 1)), tf.pow(tf.abs(x), 1.5)),
  "squares": (x) => tf.add(tf.square(x), tf.squaredDifference(x, 1)),
  "quotients": (x) => tf.div(tf.reciprocal(tf.add(x, 5)), tf.add(x, 4)),
  "whole quotients": (x) => tf.floorDiv(x, 0.75),
  "extremes": (x) => tf.maximum(tf.minimum(x, 1), tf.neg(x)),
  "comparisons": (x) =>
    tf.where(
      tf.logicalOr(
        tf.logicalAnd(tf.greater(x, 0), tf.less(x, 1)),
        tf.logicalNot(tf.notEqual(tf.round(x), -1)),
      ),
      x,
      tf.zerosLike(x),
    ),
  "equalities": (x) =>
    tf.cast(
      tf.logicalAnd(tf.greaterEqual(x, 0), tf.lessEqual(x, tf.abs(x))),
      "float32",
    ),
  "clipping": (x) => tf.clipByValue(x, -1, 0.5),
  "casts": (x) => tf.cast(tf.cast(tf.mul(x, 3), "int32"), "float32"),
  "sums": (x) => tf.add(tf.sum(x, [1, 2], true), tf.mean(x, 2, true)),
  "products and extremes along axes": (x) =>
    tf.add(
      tf.prod(x, 2, true),
      tf.sub(tf.max(x, 1, true), tf.min(x, 1, true)),
    ),
  "all axes": (x) =>
    tf.stack([
      tf.sum(x),
      tf.mean(x),
      tf.max(x),
      tf.min(x),
      tf.cast(tf.any(tf.greater(x, 0)), "float32"),
      tf.cast(tf.all(tf.greater(x, 0)), "float32"),
    ]),
  "any and all": (x) =>
    tf.cast(
      tf.logicalOr(
        tf.any(tf.greater(x, 1.9), 2),
        tf.all(tf.greater(x, -1.8), 2),
      ),
      "float32",
    ),
  "places of extremes": (x) =>
    tf.cast(tf.add(tf.argMax(x, 2), tf.argMin(x, 2)), "float32"),
  "softmax": (x) => tf.add(tf.softmax(x), tf.logSoftmax(x)),
  "cumulative sums": (x) =>
    tf.add(tf.cumsum(x, 2, true), tf.cumsum(x, 1, false, true)),
  "slices": (x) =>
    tf.add(
      tf.slice(x, [0, 1, 2], [-1, 2, 3]),
      tf.slice(x, [0, 0, 0], [-1, 2, 3]),
    ),
  "parts": (x) => {
    const [a, b] = tf.split(x, [2, 4], 2);
    return tf.concat([b!, a!, tf.reverse(b!, [1, -1])], -1);
  },
  "stacks": (x) => tf.stack(tf.unstack(x, 1).toReversed(), 2),
  "padding": (x) => tf.pad(x, [[0, 0], [1, 2], [0, 1]], 0.5),
  "tiles": (x) => tf.tile(x, [1, 2, 3]),
  "broadcasts": (x) => tf.broadcastTo(tf.mean(x, [1], true), x.shape),
  "transpositions": (x) => tf.reshape(tf.transpose(x, [2, 0, 1]), [6, -1]),
  "chosen entries": (x) => tf.gather(x, tf.tensor1d([3, 0, 3], "int32"), 1),
  "rows by number": (x) => tf.oneHot(tf.cast(tf.abs(tf.max(x, 2)), "int32"), 4),
  "products of matrices": (x) => tf.matMul(x, x, true, false),
  "products with transposed ones": (x) => tf.matMul(x, tf.relu(x), false, true),
  "constants that grow with the batch": (x) =>
    tf.add(x, tf.mul(tf.ones(x.shape), tf.tensor1d([1, 2, 3, 4, 5, 6]))),
  "constants that are joined to the batch": (x) =>
    tf.concat([x, tf.fill([x.shape[0]!, 1, 6], 2)], 1),
  "averages of integers and of truth values": (x) =>
    tf.add(
      tf.mean(tf.cast(x, "int32"), 2),
      tf.mean(tf.greater(x, 0), 2),
    ),
  "bounds of integers": (x) => {
    const large = tf.add(tf.cast(x, "int32"), tf.scalar(2 ** 24, "int32"));
    const bounded = [
      tf.clipByValue(large, 2 ** 24 - 1, Infinity),
      tf.relu6(tf.cast(x, "int32")),
    ];
    return tf.sub(tf.addN(bounded), tf.scalar(2 ** 24, "int32"));
  },
  "rounding and exponents of integers": (x) =>
    tf.add(
      tf.round(tf.cast(x, "int32")),
      tf.exp(tf.cast(x, "int32")),
    ),
  "integers that leak": (x) => tf.leakyRelu(tf.cast(x, "int32"), 0.25),
  "products and extremes of truth values": (x) =>
    tf.logicalAnd(
      tf.max(tf.mul(tf.greater(x, 0), tf.less(x, 1)), 2),
      tf.lessEqual(tf.min(tf.greater(x, 0), 2), tf.max(tf.less(x, 0), 2)),
    ),
  "what is not needed": (x) => {
    tf.atan2(x, x);
    return tf.relu(x);
  },
  "nothing": (x) => tf.clone(x),
};

const ACTIVATIONS: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  relu6: nn.relu6,
  elu: nn.elu,
  selu: nn.selu,
  gelu: (x) => nn.gelu(x),
  "gelu by tanh": (x) => nn.gelu(x, { approximate: true }),
  silu: nn.silu,
  mish: nn.mish,
  hardswish: nn.hardswish,
  leakyRelu: nn.leakyRelu,
  softplus: nn.softplus,
  logSigmoid: nn.logSigmoid,
  softsign: nn.softsign,
  hardshrink: nn.hardshrink,
  glu: nn.glu,
};

onEachBackend(
  "ONNX Runtime computes what single ops and activations do",
  async () => {
    if (!runtime) return;
    for (const [name, fn] of Object.entries({ ...OPS, ...ACTIVATIONS })) {
      const model = new Fn(fn as (x: tf.Tensor) => tf.Tensor);
      const bytes = await exportOnnx(model, numbers([1, 4, 6]));
      const x = numbers([3, 4, 6]), expected = predict(model, [x]) as tf.Tensor;
      try {
        const { output } = await runOnnx(bytes, [x]);
        assertEquals(output!.shape, expected.shape);
        await assertClose(output!, [...await expected.data()], 2e-5);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`);
      }
    }
  },
);

/** Layers of one and three axes, and normalizations. */
const LAYERS: Record<string, [() => nn.Module, Inputs]> = {
  "Conv1d": [() => new nn.Conv1d(3, 4, 3, { dilation: 2 }), of(7, 3)],
  "depthwise Conv2d": [
    () => new nn.Conv2d(3, 6, 3, { groups: 3 }),
    of(6, 5, 3),
  ],
  "ConvTranspose1d": [
    () => new nn.ConvTranspose1d(3, 2, 3, { stride: 2 }),
    of(5, 3),
  ],
  "MaxPool2d": [
    () => new nn.MaxPool2d(3, { stride: 2, padding: "same" }),
    of(7, 6, 2),
  ],
  "AvgPool1d": [() => new nn.AvgPool1d(2), of(6, 3)],
  "AdaptiveMaxPool2d": [() => new nn.AdaptiveMaxPool2d([2, 3]), of(5, 6, 2)],
  "GroupNorm": [() => new nn.GroupNorm(4, { numGroups: 2 }), of(3, 3, 4)],
  "RMSNorm": [() => new nn.RMSNorm(4), of(3, 4)],
  "Upsample": [() => new nn.Upsample(2, { mode: "bilinear" }), of(3, 4, 2)],
  "PReLU": [() => new nn.PReLU(), of(4)],
  "LoRA": [() => new nn.LoRA(new nn.Linear(4, 3), 2), of(4)],
  "Embedding": [() => new nn.Embedding(7, 3), tokens(4, 7)],
};

onEachBackend("ONNX Runtime computes what layers do", async () => {
  if (!runtime) return;
  random.seed(3);
  for (const [name, [make, inputs]] of Object.entries(LAYERS)) {
    const model = made(make);
    const bytes = await exportOnnx(model, inputs(1));
    const xs = inputs(3), expected = predict(model, xs) as tf.Tensor;
    try {
      const { output } = await runOnnx(bytes, xs);
      assertEquals(output!.shape, expected.shape);
      await assertClose(output!, [...await expected.data()], 1e-5);
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
  }
});

onEachBackend(
  "several inputs and outputs have names, and a fixed batch its size",
  async () => {
    if (!runtime) return;
    const [x, y] = [numbers([2, 3]), numbers([2, 3])];
    const record = new Fn((a, b) => ({ sum: tf.add(a!, b!), same: a! }));
    const named = await runOnnx(await exportOnnx(record, [x, y]), [x, y]);
    assertEquals(Object.keys(named), ["sum", "same"]);
    await assertClose(named["same"]!, [...await x.data()], 0);
    const list = new Fn((a, b) => [tf.sub(a!, b!), tf.mul(a!, b!)]);
    const options = { inputNames: ["a", "b"], outputNames: ["less", "times"] };
    const bytes = await exportOnnx(list, [x, y], options);
    const session = await runtime.InferenceSession.create(bytes);
    assertEquals(session.inputNames, ["a", "b"]);
    assertEquals(session.outputNames, ["less", "times"]);
    const fixed = await exportOnnx(list, [x, y], { dynamicBatch: false });
    assertEquals(Object.keys(await runOnnx(fixed, [x, y])), [
      "output0",
      "output1",
    ]);
    await assertRejects(() =>
      runOnnx(fixed, [numbers([3, 3]), numbers([3, 3])])
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "weights are constants under the paths of their states",
  async () => {
    const model = scope(() =>
      new nn.Sequential(new nn.Linear(2, 3), nn.relu, new nn.Linear(3, 1))
    );
    const text = new TextDecoder("latin1").decode(
      await exportOnnx(model, tf.zeros([1, 2])),
    );
    for (const path of Object.keys(model.states())) {
      assert(
        text.includes(path),
        path,
      );
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "an export leaves states and random streams as they were",
  async () => {
    class Counting extends nn.Module {
      readonly calls = new BatchState<tf.Tensor>(tf.scalar(0));
      override update(x: tf.Tensor): tf.Tensor {
        this.calls.value = tf.add(this.calls.value, 1);
        random.uniform([2]).dispose();
        return tf.mul(x, this.calls.value);
      }
    }
    const model = new Counting(), x = numbers([2, 3]);
    const before = random.default.value;
    let bytes = new Uint8Array();
    await assertNoLeak(async () => {
      bytes = await exportOnnx(model, x);
    });
    assertEquals([...await model.calls.value.data()], [0]);
    assertEquals(random.default.value, before);
    if (!runtime) return;
    const { output } = await runOnnx(bytes, [x]);
    await assertClose(output!, [...await x.data()], 1e-6);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "what cannot be exported is refused, with every kernel that is missing",
  async () => {
    const x = numbers([1, 4, 6]);
    const cases: [
      unknown,
      unknown,
      object,
      typeof TypeError | typeof RangeError,
      string,
    ][] = [
      [{}, x, {}, TypeError, "the model must be a module"],
      [
        new Fn((x) => x!),
        [],
        {},
        RangeError,
        "the inputs must be a nonempty list",
      ],
      [
        new Fn((x) => x!),
        tf.scalar(1),
        {},
        RangeError,
        "inputs[0] must be of shape [examples, ...]",
      ],
      [
        new Fn((x) => x!),
        [x, numbers([2, 4])],
        {},
        RangeError,
        "inputs[1] must be of shape",
      ],
      [
        new Fn((x) => x!),
        x,
        { opset: 3 },
        TypeError,
        'there is no option "opset"',
      ],
      [
        new Fn((x) => x!),
        x,
        { inputNames: ["a", "b"] },
        RangeError,
        "inputNames must be 1 different names",
      ],
      [
        new Fn((x) => [x!, x!]),
        x,
        { outputNames: ["a", "a"] },
        RangeError,
        "outputNames must be 2 different names",
      ],
      [
        new Fn((x) => tf.relu(x!)),
        x,
        { inputNames: ["a"], outputNames: ["a"] },
        RangeError,
        "the name of an output must be other than those of the inputs, a",
      ],
      [new Fn(() => 3), x, {}, RangeError, "the output must be"],
      [
        new Fn((x) => tf.add(tf.atan2(x!, x!), tf.mod(x!, 2))),
        x,
        {},
        RangeError,
        "these kernels have no operator there: Atan2, Mod",
      ],
      [
        new Fn((x) => tf.add(x!, random.normal([4, 6]))),
        x,
        {},
        RangeError,
        "constants must be the same in every call",
      ],
      [
        new Fn((x) => tf.mul(x!, x!.shape[0]!)),
        x,
        {},
        RangeError,
        "constants must be the same in every call",
      ],
      [
        new Fn((x) => tf.concat([x!, tf.zeros([1, 4, 6])])),
        x,
        {},
        RangeError,
        "sizes must be fixed or a multiple of the batch",
      ],
      [
        new Fn((x) => x!.shape[0]! > 2 ? tf.relu(x!) : tf.abs(x!)),
        x,
        {},
        RangeError,
        "the kernels that are run must not depend on the batch (dynamicBatch: false",
      ],
      [
        new Fn((x) => tf.split(x!, x!.shape[0]!, 0)[0]!),
        x,
        {},
        RangeError,
        "the kernels that are run must not depend on the batch",
      ],
    ];
    await assertNoLeak(async () => {
      for (const [model, inputs, options, ErrorClass, message] of cases) {
        await assertRejects(
          () => exportOnnx(model as nn.Module, inputs as tf.Tensor, options),
          ErrorClass,
          message,
        );
      }
    });
  },
  { only: ["cpu"] },
);
