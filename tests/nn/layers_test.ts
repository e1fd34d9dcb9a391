import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { autodiff, environ, nn, ParamState, random, scope } from "../../mod.ts";
import { useBackend } from "../../backend/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

const cpu = { only: ["cpu"] } as const;

/** A layer, an input that it refuses, and the shapes that the error names. */
const refusals: Record<string, () => [nn.Module, number[], string, string]> = {
  Linear: () => [new nn.Linear(3, 2), [5, 4], "[..., 3]", "[5, 4]"],
  LoRA:
    () => [new nn.LoRA(new nn.Linear(3, 2), 1), [5, 4], "[..., 3]", "[5, 4]"],
  Conv1d: () => [new nn.Conv1d(3, 2, 3), [1, 3], "[any, any, 3]", "[1, 3]"],
  Conv2d: () => [
    new nn.Conv2d(3, 2, 3),
    [1, 5, 5, 4],
    "[any, any, any, 3]",
    "[1, 5, 5, 4]",
  ],
  Conv3d: () => [
    new nn.Conv3d(3, 2, 3),
    [1, 5, 5, 3],
    "[any, any, any, any, 3]",
    "[1, 5, 5, 3]",
  ],
  ConvTranspose1d: () => [
    new nn.ConvTranspose1d(3, 2, 3),
    [1, 3, 4],
    "[any, any, 3]",
    "[1, 3, 4]",
  ],
  ConvTranspose2d: () => [
    new nn.ConvTranspose2d(3, 2, 3),
    [1, 3],
    "[any, any, any, 3]",
    "[1, 3]",
  ],
  ConvTranspose3d: () => [
    new nn.ConvTranspose3d(3, 2, 3),
    [1, 2, 2, 3],
    "[any, any, any, any, 3]",
    "[1, 2, 2, 3]",
  ],
  ReflectionPad1d:
    () => [new nn.ReflectionPad1d(1), [2, 3], "[any, any, any]", "[2, 3]"],
  ConstantPad2d: () => [
    new nn.ConstantPad2d(1),
    [2, 3, 1],
    "[any, any, any, any]",
    "[2, 3, 1]",
  ],
  MaxPool2d:
    () => [new nn.MaxPool2d(2), [4, 4, 3], "[any, any, any, any]", "[4, 4, 3]"],
  AvgPool1d: () => [new nn.AvgPool1d(2), [4, 3], "[any, any, any]", "[4, 3]"],
  AdaptiveAvgPool2d: () => [
    new nn.AdaptiveAvgPool2d(1),
    [4, 3],
    "[any, any, any, any]",
    "[4, 3]",
  ],
  BatchNorm0d: () => [new nn.BatchNorm0d(3), [2, 4], "[any, 3]", "[2, 4]"],
  BatchNorm2d:
    () => [new nn.BatchNorm2d(3), [2, 3], "[any, any, any, 3]", "[2, 3]"],
  LayerNorm: () => [new nn.LayerNorm([2, 3]), [3, 3], "[..., 2, 3]", "[3, 3]"],
  RMSNorm: () => [new nn.RMSNorm(3), [3, 2], "[..., 3]", "[3, 2]"],
  GroupNorm:
    () => [new nn.GroupNorm(4, { numGroups: 2 }), [3, 2], "[..., 4]", "[3, 2]"],
  InstanceNorm: () => [new nn.InstanceNorm(4), [4], "[batch, ..., 4]", "[4]"],
  Dropout2d:
    () => [new nn.Dropout2d(), [2, 3], "[any, any, any, any]", "[2, 3]"],
  LSTMCell: () => [new nn.LSTMCell(3, 2), [2, 4], "[any, 3]", "[2, 4]"],
  LeakyIntegrator:
    () => [new nn.LeakyIntegrator(3), [2, 4], "[any, 3]", "[2, 4]"],
  LIFCell: () => [new nn.LIFCell(3), [2, 4], "[any, 3]", "[2, 4]"],
  ALIFCell: () => [new nn.ALIFCell(3), [3], "[any, 3]", "[3]"],
  IzhikevichCell:
    () => [new nn.IzhikevichCell(3), [2, 4], "[any, 3]", "[2, 4]"],
  RNN:
    () => [new nn.RNN(new nn.GRUCell(3, 2)), [2, 3], "[any, any, 3]", "[2, 3]"],
  LSTM: () => [new nn.LSTM(3, 2), [2, 3], "[any, any, 3]", "[2, 3]"],
  GRU: () => [new nn.GRU(3, 2), [2, 2, 4], "[any, any, 3]", "[2, 2, 4]"],
  MultiHeadAttention:
    () => [new nn.MultiHeadAttention(4, 2), [2, 4], "[any, any, 4]", "[2, 4]"],
  TransformerBlock:
    () => [new nn.TransformerBlock(4, 2), [1, 2, 6], "[..., 4]", "[1, 2, 6]"],
  Upsample:
    () => [new nn.Upsample(2), [2, 3], "[any, any, any, any]", "[2, 3]"],
  PReLU:
    () => [new nn.PReLU({ numParameters: 3 }), [2, 2], "[..., 3]", "[2, 2]"],
};

for (const [name, make] of Object.entries(refusals)) {
  onEachBackend(
    `${name} refuses another shape, naming path and both shapes`,
    () => {
      const [layer, shape, expected, current] = make();
      class Net extends nn.Module {
        readonly parts = [layer];
        override update(x: tf.Tensor): unknown {
          return this.parts[0]!.call(x as never);
        }
      }
      const before = tf.memory().numTensors;
      const error = assertThrows(
        () => new Net().call(tf.zeros(shape)),
        RangeError,
      );
      for (const part of [expected, `current shape is ${current}`, "parts.0"]) {
        assert(error.message.includes(part), error.message);
      }
      assertEquals(tf.memory().numTensors, before + 1); // the input
    },
    cpu,
  );
}

await useBackend("cpu");
/** Of the shape of no weight below. */
const mask = tf.keep(tf.ones([2, 2]));

for (
  const [what, make] of Object.entries({
    "Conv2d: inSize": () => new nn.Conv2d(0, 1, 1),
    "Conv2d: outChannels": () => new nn.Conv2d(1, 1.5, 1),
    "Conv2d: kernelSize": () => new nn.Conv2d(1, 1, [1, 2, 3]),
    "Conv2d: padding": () => new nn.Conv2d(1, 1, 1, { padding: -1 }),
    "Conv1d: groups": () => new nn.Conv1d(4, 3, 1, { groups: 2 }),
    "Conv2d: stride or dilation": () =>
      new nn.Conv2d(1, 1, 1, { stride: 2, dilation: 2 }),
    "ConvTranspose2d: outputPadding": () =>
      new nn.ConvTranspose2d(1, 1, 2, { outputPadding: 1 }),
    "ConvTranspose2d: outputPadding must be below the stride or the dilation, 2,3":
      () =>
        new nn.ConvTranspose2d(1, 1, 2, {
          stride: 2,
          dilation: [1, 3],
          outputPadding: [1, 3],
        }),
    "ConvTranspose3d: dilation": () =>
      new nn.ConvTranspose3d(1, 1, 2, { dilation: 0 }),
    "Linear: weightMask must be of the weight's shape, [2, 3]": () =>
      new nn.Linear(2, 3, { weightMask: mask }),
    "Conv1d: weightMask must be of the weight's shape, [3, 2, 2]": () =>
      new nn.Conv1d(2, 2, 3, { weightMask: mask }),
    "ReflectionPad2d: padding": () => new nn.ReflectionPad2d([1, 2, 3]),
    "CircularPad1d: padding[0]": () => new nn.CircularPad1d([-1]),
    "MaxPool2d: kernelSize": () => new nn.MaxPool2d(0),
    "AdaptiveAvgPool1d: targetSize": () => new nn.AdaptiveAvgPool1d([1, 2]),
    "BatchNorm1d: momentum": () => new nn.BatchNorm1d(2, { momentum: 1 }),
    "BatchNorm1d: eps": () => new nn.BatchNorm1d(2, { eps: 0 }),
    "LayerNorm: inSize": () => new nn.LayerNorm([]),
    "RMSNorm: eps": () => new nn.RMSNorm(3, { eps: -1 }),
    "GroupNorm: numGroups": () => new nn.GroupNorm(6, { numGroups: 4 }),
    "GroupNorm: groupSize": () => new nn.GroupNorm(6, { groupSize: 4 }),
    "GroupNorm: numGroups must be left out": () =>
      new nn.GroupNorm(6, { numGroups: 3, groupSize: 2 }),
    "Embedding: maxNorm": () => new nn.Embedding(3, 3, { maxNorm: 0 }),
    "Embedding: normType must be given with maxNorm": () =>
      new nn.Embedding(3, 3, { normType: 1 }),
    "Embedding: normType must be a positive": () =>
      new nn.Embedding(3, 3, { maxNorm: 1, normType: 0 }),
    "Dropout: rate": () => new nn.Dropout({ rate: -0.1 }),
    "Embedding: count": () => new nn.Embedding(0, 3),
    "Embedding: paddingIdx": () => new nn.Embedding(3, 3, { paddingIdx: 3 }),
    "GRUCell: hiddenSize": () => new nn.GRUCell(3, 0),
    "LSTM: hiddenSize": () => new nn.LSTM(3, 0),
    "LSTM: activation must be one of": () =>
      new nn.LSTM(3, 2, { activation: "tan" as never }),
    "LSTM: layers": () => new nn.LSTM(3, 2, { layers: 0 }),
    "GRU: rate": () => new nn.GRU(3, 2, { rate: 1 }),
    "MultiHeadAttention: heads": () => new nn.MultiHeadAttention(4, 3),
    "MultiHeadAttention: rate": () =>
      new nn.MultiHeadAttention(4, 2, { rate: 1 }),
    "RReLU: lower": () => new nn.RReLU({ lower: 1, upper: 0.5 }),
    "AccuracyMetric: topK": () => new nn.AccuracyMetric({ topK: 0 }),
    "KaimingNormal: scale": () => new nn.init.KaimingNormal({ scale: 0 }),
  })
) {
  onEachBackend(`a wrong argument is refused: ${what}`, () => {
    const before = tf.memory().numTensors;
    assertThrows(make, RangeError, `Cannot create ${what}`);
    assertEquals(tf.memory().numTensors, before);
  }, cpu);
}

onEachBackend("a window that does not fit is refused", () => {
  const x = tf.zeros<tf.Rank.R4>([1, 2, 2, 1]);
  const conv = new nn.Conv2d(1, 1, 3, { padding: "valid" });
  assertThrows(() => conv.call(x), RangeError, "spans 3 cells, of 2");
  assertThrows(() => new nn.MaxPool2d(3).call(x), RangeError, "spans 3 cells");
}, cpu);

onEachBackend(
  "layers that train otherwise predict while fit is unset",
  async () => {
    const x = tf.ones<tf.Rank.R2>([2, 2]);
    for (
      const layer of [new nn.Dropout(), new nn.BatchNorm0d(2), new nn.RReLU()]
    ) {
      const plain = layer.call(x);
      const told = environ.context({ fit: false }, () => layer.call(x));
      assertEquals(await plain.data(), await told.data());
    }
    const attention = new nn.MultiHeadAttention(2, 1, { rate: 0.9 });
    const y = attention.call(tf.ones([1, 2, 2]));
    assertEquals(
      await y.data(),
      await attention.call(tf.ones([1, 2, 2])).data(),
    );
  },
  cpu,
);

const dropouts = {
  Dropout: {
    make: (o: nn.DropoutOptions) => new nn.Dropout<tf.Tensor4D>(o),
    cells: 9,
  },
  Dropout2d: { make: (o: nn.DropoutOptions) => new nn.Dropout2d(o), cells: 1 },
};
for (const [name, { make, cells }] of Object.entries(dropouts)) {
  onEachBackend(
    `${name} drops as often as its rate says, and keeps the mean`,
    async () => {
      const layer = make({ rate: 0.25, random: new random.RandomState(1) });
      const x = tf.ones<tf.Rank.R4>([40, 3, 3, 50]);
      const y = environ.context({ fit: true }, () => layer.call(x));
      const values = await y.data();
      assertEquals(new Set(values), new Set([0, Math.fround(4 / 3)]));
      const n = 40 * 50 * cells;
      const share = values.filter((v) => v === 0).length / values.length;
      assert(
        Math.abs(share - 0.25) < 4 * Math.sqrt(0.25 * 0.75 / n),
        `${share}`,
      );
      if (cells > 1) return;
      // The cells of a channel share one fate.
      const first = tf.slice(y, [0, 0, 0, 0], [40, 1, 1, 50]);
      await assertClose(tf.sub(y, first), tf.zerosLike(y), 0, "cells");
    },
  );
}

onEachBackend(
  "dropout has the same gradient as value, and rests outside fit",
  async () => {
    const layer = new nn.Dropout({
      rate: 0.5,
      random: new random.RandomState(2),
    });
    const x = tf.ones([30]);
    const before = layer.random!.value;
    const y = environ.context({ fit: true }, () => layer.call(x));
    layer.random!.value = before;
    const dx = environ.context(
      { fit: true },
      () =>
        autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(layer.call(x)), {
          argnums: 0,
        })(x),
    );
    await assertClose(dx, y, 0, "dx");
    const after = layer.random!.value;
    environ.context({ fit: false }, () => layer.call(x));
    assertEquals(layer.random!.value, after);
  },
);

onEachBackend("AlphaDropout keeps mean 0 and variance 1", async () => {
  const x = random.normal([200_000], { random: new random.RandomState(3) });
  const layer = new nn.AlphaDropout({
    rate: 0.3,
    random: new random.RandomState(4),
  });
  const y = environ.context({ fit: true }, () => layer.call(x));
  const { mean, variance } = tf.moments(y);
  assert(Math.abs((await mean.data())[0]!) < 0.02);
  assert(Math.abs((await variance.data())[0]! - 1) < 0.03);
}, cpu);

onEachBackend(
  "RReLU draws slopes in its bounds, and takes their mean outside fit",
  async () => {
    const layer = new nn.RReLU({ lower: 0.2, upper: 0.4 });
    const x = tf.neg(tf.ones([1000]));
    const y = environ.context({ fit: true }, () => layer.call(x));
    const values = await y.data();
    assert(values.every((v) => v <= -0.2 + 1e-6 && v >= -0.4 - 1e-6));
    assert(new Set(values).size > 900);
    const still = environ.context({ fit: false }, () => layer.call(x));
    await assertClose(still, tf.mul(x, 0.3), 1e-6, "mean slope");
  },
  cpu,
);

onEachBackend("BatchNorm gives no NaN for a constant channel", async () => {
  const layer = new nn.BatchNorm1d(2);
  const x = tf.ones<tf.Rank.R3>([3, 4, 2]);
  const [dx, y] = environ.context({ fit: true }, () =>
    autodiff.grad(
      (x: tf.Tensor3D) => {
        const y = layer.call(x);
        return [tf.sum<tf.Scalar>(tf.square(y)), y] as const;
      },
      { argnums: 0, hasAux: true },
    )(x));
  await assertClose(y, tf.zerosLike(x), 1e-6, "y");
  await assertClose(dx, tf.zerosLike(x), 1e-4, "dx");
});

onEachBackend(
  "BatchNorm's statistics survive training, evaluation, saving and loading",
  async () => {
    const make = () =>
      new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
        new nn.Linear(2, 3),
        new nn.BatchNorm0d(3),
      );
    const model = make();
    const x = random.normal<tf.Rank.R2>([16, 2], { mean: 4 });
    const step = autodiff.grad(() => tf.sum<tf.Scalar>(model.call(x)), {
      states: model.states(ParamState),
    });
    for (let i = 0; i < 3; i++) {
      scope(() => void environ.context({ fit: true }, () => step()));
    }
    const norm = model.layers[1] as nn.BatchNorm0d;
    const trained = tf.clone(norm.runningMean!.value);
    const y = environ.context({ fit: false }, () => model.call(x));
    await assertClose(
      norm.runningMean!.value,
      trained,
      0,
      "evaluation moves nothing",
    );
    const other = make();
    nn.loadStateDict(other, nn.stateDict(model));
    const z = environ.context({ fit: false }, () => other.call(x));
    await assertClose(z, y, 0, "loaded");
  },
);

onEachBackend("BatchNorm refuses to train on one value per channel", () => {
  const layer = new nn.BatchNorm0d(3);
  const x = tf.ones<tf.Rank.R2>([1, 3]);
  assertThrows(
    () => environ.context({ fit: true }, () => layer.call(x)),
    RangeError,
    "more than one value",
  );
  environ.context({ fit: false }, () => layer.call(x));
}, cpu);

onEachBackend(
  "attention is causal: what comes later changes nothing",
  async () => {
    const layer = new nn.MultiHeadAttention(4, 2, { causal: true });
    const x = random.normal<tf.Rank.R3>([1, 5, 4]);
    const changed = tf.concat([
      tf.slice(x, [0, 0, 0], [1, 3, 4]),
      tf.ones([1, 2, 4]),
    ], 1) as tf.Tensor3D;
    const [a, b] = [layer.call(x), layer.call(changed)];
    const early = (y: tf.Tensor) => tf.slice(y, [0, 0, 0], [1, 3, 4]);
    await assertClose(early(a), early(b), 1e-6, "early");
  },
);

onEachBackend(
  "attention without any visible key is 0, as are its gradients",
  async () => {
    const q = random.normal<tf.Rank.R4>([1, 1, 2, 3]);
    const v = random.normal<tf.Rank.R4>([1, 1, 4, 3]);
    const attend = (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) =>
      nn.scaledDotProductAttention(q, k, v, {
        keyMask: tf.zeros([1, 4], "bool"),
      });
    const y = attend(q, v, v);
    await assertClose(y, tf.zerosLike(y), 0, "y");
    const grads = autodiff.vectorGrad(attend, { argnums: [0, 1, 2] })(q, v, v);
    for (const dx of grads) await assertClose(dx, tf.zerosLike(dx), 0, "dx");
  },
);

onEachBackend("attention takes a context of another length and size", () => {
  const layer = new nn.MultiHeadAttention(4, 2, { keySize: 6 });
  const y = layer.call(tf.ones([2, 3, 4]), tf.ones([2, 5, 6]), {
    mask: tf.ones([3, 5], "bool"),
  });
  assertEquals(y.shape, [2, 3, 4]);
  assertThrows(
    () => layer.call(tf.ones([2, 3, 4]), tf.ones([1, 5, 6])),
    RangeError,
    "same batch",
  );
  assertThrows(
    () =>
      layer.call(tf.ones([2, 3, 4]), tf.ones([2, 5, 6]), {
        keyMask: tf.ones([2, 3], "bool"),
      }),
    RangeError,
    "keyMask",
  );
}, cpu);

onEachBackend("attention weights are dropped in training", async () => {
  const layer = new nn.MultiHeadAttention(4, 2, {
    rate: 0.5,
    random: new random.RandomState(5),
  });
  const x = random.normal<tf.Rank.R3>([1, 6, 4]);
  const call = (fit: boolean) => environ.context({ fit }, () => layer.call(x));
  await assertClose(call(false), call(false), 0, "evaluation");
  const difference = tf.max(tf.abs(tf.sub(call(true), call(true))));
  assert((await difference.data())[0]! > 1e-3);
}, cpu);

onEachBackend("a cell called step by step equals RNN over time", async () => {
  for (
    const cell of [
      new nn.VanillaRNNCell(3, 2),
      new nn.GRUCell(3, 2),
      new nn.MGUCell(3, 2),
      new nn.LSTMCell(3, 2),
    ]
  ) {
    const x = random.normal<tf.Rank.R3>([4, 5, 3]);
    const whole = new nn.RNN(cell).call(x) as tf.Tensor3D;
    const last = new nn.RNN(cell, { lastOnly: true }).call(x);
    nn.initState(cell, 4);
    const steps = tf.unstack(tf.transpose(x, [1, 0, 2])).map((slice) =>
      cell.call(slice as tf.Tensor2D)
    );
    await assertClose(tf.stack(steps, 1), whole, 1e-6, cell.constructor.name);
    await assertClose(last, steps.at(-1)!, 1e-6, "last");
    nn.resetState(cell);
    const again = cell.call(
      tf.reshape(tf.slice(x, [0, 0, 0], [4, 1, 3]), [4, 3]),
    );
    await assertClose(again, steps[0]!, 0, "after reset");
    // The hidden state is a state, and takes another batch after initState.
    assert(Object.keys(cell.states()).includes("hidden.h"));
    nn.initState(cell, 2);
    assertThrows(() => cell.call(tf.ones([4, 3])), RangeError, "batch");
    assertEquals(cell.call(tf.ones([2, 3])).shape, [2, 2]);
  }
}, { only: ["cpu", "wasm"] });

onEachBackend("a cell without a state says how to begin", () => {
  assertThrows(
    () => new nn.GRUCell(2, 2).call(tf.ones([1, 2])),
    Error,
    "initState(batch)",
  );
}, cpu);

onEachBackend(
  "scan() carries, stacks, and lets gradients through",
  async () => {
    const [carry, ys] = nn.scan(
      (
        { sum }: { sum: tf.Tensor },
        x,
      ) => [{ sum: tf.add(sum, x) }, tf.mul(sum, x)],
      { sum: tf.scalar(0) },
      tf.tensor1d([1, 2, 3]),
    );
    assertEquals([...await carry.sum.data()], [6]);
    assertEquals([...await ys.data()], [0, 2, 9]);
    const product = (w: tf.Tensor) =>
      nn.scan(
        (p: tf.Tensor, x) => [tf.mul(tf.mul(p, x), w), p],
        tf.scalar(1),
        tf.tensor1d([1, 2, 3]),
      )[0] as tf.Scalar;
    const d = autodiff.grad(product, { argnums: 0 })(tf.scalar(2)); // 6 w³
    assertEquals([...await d.data()], [72]);
    assertThrows(
      () =>
        nn.scan((c: tf.Tensor, x) => [c, x], tf.scalar(0), tf.zeros([0, 2])),
      RangeError,
      "at least one slice",
    );
  },
);

onEachBackend("LoRA begins as its layer, and merges into it", async () => {
  const base = new nn.Linear(3, 2);
  const x = random.normal<tf.Rank.R2>([4, 3]);
  const before = base.call(x);
  const layer = new nn.LoRA(base, 2, { alpha: 4 });
  await assertClose(layer.call(x), before, 0, "at first");
  scope(() => layer.up.value = tf.ones([2, 2]));
  const adapted = layer.call(x);
  const merged = layer.merge();
  await assertClose(merged.call(x), adapted, 1e-5, "merged");
  await assertClose(layer.call(x), adapted, 1e-5, "after merging");
  assertEquals(Object.keys(nn.trainable(layer)), ["down", "up"]);
});

onEachBackend(
  "Embedding reads padding as zeros and does not train it",
  async () => {
    const layer = new nn.Embedding(3, 2, { paddingIdx: 1 });
    const indices = tf.tensor1d([0, 1, 1], "int32");
    const [grads, y] = autodiff.grad(
      () => {
        const y = layer.call(indices);
        return [tf.sum<tf.Scalar>(y), y] as const;
      },
      { states: layer.states(ParamState), hasAux: true },
    )();
    await assertClose(
      tf.slice(y, [1, 0], [2, 2]),
      tf.zeros([2, 2]),
      0,
      "padding",
    );
    await assertClose(
      grads["weight"]!,
      tf.tensor2d([[1, 1], [0, 0], [0, 0]]),
      0,
      "gradient",
    );
  },
);

onEachBackend(
  "Embedding.fromPretrained() has the vectors given, and owns its own",
  async () => {
    const vectors = tf.tensor2d([[1, 2], [3, 4]]);
    const layer = nn.Embedding.fromPretrained(vectors);
    vectors.dispose();
    const y = layer.call(tf.tensor1d([1], "int32"));
    assertEquals([...await y.data()], [3, 4]);
  },
  cpu,
);

onEachBackend("a step of every layer leaves no tensor behind", () => {
  const image = [2, 6, 6, 4] as const;
  const cases: [nn.Module, readonly number[]][] = [
    [new nn.Linear(4, 3), [2, 4]],
    [new nn.Conv2d(4, 4, 3, { groups: 2 }), image],
    [new nn.ConvTranspose2d(4, 2, 3, { stride: 2 }), image],
    [
      new nn.Sequential(new nn.MaxPool2d(2), new nn.AdaptiveAvgPool2d(2)),
      image,
    ],
    [new nn.BatchNorm2d(4), image],
    [new nn.GroupNorm(4, { numGroups: 2 }), image],
    [new nn.Dropout2d(), image],
    [new nn.RNN(new nn.LSTMCell(4, 3)), [2, 3, 4]],
    [new nn.TransformerBlock(4, 2, { rate: 0.1 }), [2, 3, 4]],
    [new nn.LoRA(new nn.Linear(4, 3), 2), [2, 4]],
    [new nn.Upsample(2, { mode: "bilinear" }), image],
  ];
  for (const [layer, shape] of cases) {
    const x = tf.ones([...shape]);
    const step = autodiff.grad(
      (x: tf.Tensor) =>
        environ.context(
          { fit: true },
          () => tf.sum<tf.Scalar>(layer.call(x as never) as tf.Tensor),
        ),
      { argnums: 0 },
    );
    const once = () => {
      step(x).dispose();
      environ.context(
        { fit: false },
        () => (layer.call(x as never) as tf.Tensor).dispose(),
      );
    };
    once();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) once();
    assertEquals(tf.memory().numTensors, before, layer.constructor.name);
    layer.dispose();
    x.dispose();
  }
});

/** Arguments of modules that take some, and those of their functions. */
const elementwise: Record<string, [unknown[], unknown[]]> = {
  LeakyReLU: [[0.3], [0.3]],
  ELU: [[0.5], [0.5]],
  CELU: [[2], [2]],
  GELU: [[{ approximate: true }], [{ approximate: true }]],
  Hardtanh: [[{ min: -2, max: 3 }], [{ min: -2, max: 3 }]],
  Hardshrink: [[1], [1]],
  Softshrink: [[1], [1]],
  Threshold: [[0.5, -1], [0.5, -1]],
};

onEachBackend("modules of activations equal their functions", async () => {
  const all = nn as unknown as Record<string, unknown>;
  const x = tf.tensor2d([[-4, -1, -0.5, 0], [0.5, 1, 2, 4]]);
  const plain = Object.keys(nn).filter((name) => {
    const c = all[name] as { prototype?: unknown };
    return typeof c === "function" && c.prototype instanceof nn.Elementwise &&
      !["PReLU", "RReLU"].includes(name);
  });
  assert(plain.length > 20);
  for (const name of [...plain, "GLU"]) {
    const lower = name.toLowerCase();
    const f = Object.keys(nn).find((key) =>
      /^[a-z]/.test(key) && key.toLowerCase() === lower
    );
    const [given, same] = elementwise[name] ?? [[], []];
    const make = all[name] as new (
      ...args: unknown[]
    ) => nn.Elementwise<tf.Tensor>;
    const call = all[f!] as (...args: unknown[]) => tf.Tensor;
    for (const [a, b] of [[[], []], [given, same]]) {
      if (name === "Threshold" && a!.length === 0) continue;
      await assertClose(new make(...a!).call(x), call(x, ...b!), 0, name);
    }
  }
}, cpu);

onEachBackend("softmax and its relatives compute along any axis", async () => {
  const x = tf.tensor3d([[[1, 2, 3], [0, -1, 4]], [[5, 1, 0], [2, 2, -3]]]);
  const exp = tf.exp(x);
  for (const axis of [0, 1, 2, -1, -2, -3]) {
    const want = tf.div(exp, tf.sum(exp, axis, true));
    await assertClose(nn.softmax(x, axis), want, 1e-6, `softmax ${axis}`);
    await assertClose(
      new nn.Softmax(axis).call(x),
      want,
      1e-6,
      `Softmax ${axis}`,
    );
    await assertClose(
      nn.logSoftmax(x, axis),
      tf.log(want),
      1e-5,
      `log ${axis}`,
    );
    await assertClose(
      nn.softmin(tf.neg(x), axis),
      want,
      1e-6,
      `softmin ${axis}`,
    );
    const dx = autodiff.grad((x: tf.Tensor3D) =>
      tf.sum<tf.Scalar>(tf.square(nn.softmax(x, axis)))
    )(x);
    const twice = tf.mul(want, 2);
    const mean = tf.sum(tf.mul(want, twice), axis, true);
    await assertClose(dx, tf.mul(want, tf.sub(twice, mean)), 1e-5, "dx");
  }
  assertThrows(() => nn.softmax(x, 3));
  assertThrows(() => nn.softmax(x, 0.5), RangeError, "axis must be an integer");
});

onEachBackend(
  "a transposed convolution takes output padding for each axis",
  async () => {
    const options = { stride: [2, 3], padding: "valid" } as const;
    const plain = new nn.ConvTranspose2d(1, 1, 2, options);
    const x = tf.ones<tf.Rank.R4>([1, 2, 2, 1]);
    for (const outputPadding of [[0, 2], [1, 0], [0, 0], 1]) {
      const padded = new nn.ConvTranspose2d(1, 1, 2, {
        ...options,
        outputPadding,
      });
      scope(() => nn.loadStateDict(padded, nn.stateDict(plain)));
      const [down, right] = typeof outputPadding === "number"
        ? [outputPadding, outputPadding]
        : outputPadding;
      const want = tf.pad(plain.call(x), [[0, 0], [0, down!], [0, right!], [
        0,
        0,
      ]]);
      await assertClose(padded.call(x), want, 1e-6, `${outputPadding}`);
    }
    for (const outputPadding of [[2, 0], [0, 3], -1, 0.5]) {
      assertThrows(
        () => new nn.ConvTranspose2d(1, 1, 2, { ...options, outputPadding }),
        RangeError,
        "Cannot create ConvTranspose2d: outputPadding",
      );
    }
  },
);
