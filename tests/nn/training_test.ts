import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import {
  autodiff,
  environ,
  nn,
  optim,
  ParamState,
  random,
  scope,
} from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

interface Task {
  /** Returns logits `[batch, classes]`. */
  readonly model: nn.Module;
  readonly x: tf.Tensor;
  readonly labels: tf.Tensor;
  readonly steps: number;
}

/** Bright rows, columns or nothing but noise. */
function images(): Task {
  const labels = random.randint([48], { max: 3 });
  const place = tf.oneHot(random.randint([48], { max: 8 }), 8);
  const row = tf.reshape(place, [48, 8, 1, 1]);
  const column = tf.reshape(place, [48, 1, 8, 1]);
  const one = tf.reshape(tf.oneHot(tf.cast(labels, "int32"), 3), [48, 1, 1, 3]);
  const [isRow, isColumn] = tf.split(one, 3, 3);
  const ones = tf.ones([48, 8, 8, 1]);
  const x = tf.add(
    tf.mul(ones, tf.add(tf.mul(isRow!, row), tf.mul(isColumn!, column))),
    random.normal([48, 8, 8, 1], { std: 0.2 }),
  );
  const model = nn.Sequential.build(
    [8, 8, 1],
    (size) => new nn.Conv2d(size, 8, 3),
    (size) => new nn.BatchNorm2d(size, { momentum: 0.8 }),
    () => nn.relu,
    () => new nn.MaxPool2d(2),
    (size) => new nn.Conv2d(size, 8, 3, { groups: 8 }),
    (size) => new nn.GroupNorm(size, { numGroups: 2 }),
    () => nn.silu,
    () => new nn.Dropout2d({ rate: 0.1 }),
    () => new nn.AdaptiveAvgPool2d(2),
    () => new nn.Flatten(),
    (size) => new nn.Linear(size, 3),
  );
  return { model, x, labels, steps: 40 };
}

/** Which half of a sequence has the larger sum. */
function sequences(): Task {
  const x = random.normal([64, 8, 1]);
  const [a, b] = tf.split(tf.sum(x, 2), 2, 1);
  const labels = tf.cast(tf.greater(tf.sum(b!, 1), tf.sum(a!, 1)), "int32");
  const model = new nn.Sequential(
    new nn.RNN(new nn.LSTMCell(1, 12), { lastOnly: true }),
    new nn.Linear(12, 2),
  );
  return { model, x, labels, steps: 60 };
}

/** Which token the sequence begins with. */
function tokens(): Task {
  const x = random.randint<tf.Rank.R2>([64, 6], { max: 5 });
  const labels = tf.reshape(tf.slice(x, [0, 0], [64, 1]), [64]);
  class Model extends nn.Module {
    readonly token = new nn.Embedding(5, 16);
    readonly place = new nn.Embedding(6, 16);
    readonly block = new nn.TransformerBlock(16, 2, {
      causal: true,
      rate: 0.05,
    });
    readonly norm = new nn.LayerNorm<tf.Tensor3D>(16);
    readonly out = new nn.Linear(16, 5);
    override update(x: tf.Tensor): tf.Tensor {
      const places = this.place.call(tf.range(0, 6, 1, "int32"));
      const h = tf.add<tf.Tensor3D>(this.token.call(x), places);
      const y = this.norm.call(this.block.call(h));
      return this.out.call(
        tf.reshape<tf.Rank.R2>(tf.slice(y, [0, 5, 0], [64, 1, 16]), [64, 16]),
      );
    }
  }
  return { model: new Model(), x, labels, steps: 40 };
}

async function train(
  make: () => Task,
): Promise<{ losses: number[]; accuracy: number }> {
  random.seed(1);
  const { model, x, labels, steps } = make();
  const call = () => model.call(x as never) as tf.Tensor;
  const states = model.states(ParamState);
  const optimizer = new optim.Adam({ lr: 0.02 }).registerTrainableWeights(
    states,
  );
  const lossGrad = autodiff.grad(
    () => nn.softmaxCrossEntropy(call(), labels, { reduction: "mean" }),
    { states, returnValue: true },
  );
  const losses: number[] = [];
  let tensors = 0;
  for (let step = 0; step < steps; step++) {
    const [grads, loss] = environ.context({ fit: true }, () => lossGrad());
    optimizer.step(grads);
    losses.push((await loss.data())[0]!);
    loss.dispose();
    if (step === 1) tensors = tf.memory().numTensors;
  }
  assertEquals(
    tf.memory().numTensors,
    tensors,
    "tensors after step 2 and the last",
  );
  const metric = new nn.AccuracyMetric();
  scope(() =>
    environ.context({ fit: false }, () => metric.update(call(), labels))
  );
  const accuracy = await metric.compute();
  model.dispose();
  optimizer.dispose();
  return { losses, accuracy };
}

const tasks = {
  "a network of convolutions learns": images,
  "a recurrent network learns": sequences,
  "a transformer learns": tokens,
};
for (const [name, make] of Object.entries(tasks)) {
  onEachBackend(
    `${name}, twice to the same bits, and leaves no tensor`,
    async () => {
      const first = await train(make);
      assert(first.accuracy >= 0.95, `accuracy ${first.accuracy}`);
      assertEquals(await train(make), first);
    },
    { only: ["wasm"] },
  );
}

onEachBackend("layers take an empty batch", () => {
  const cases: [nn.Module, number[], number[]][] = [
    [new nn.Linear(3, 2), [0, 3], [0, 2]],
    [new nn.LayerNorm(3), [0, 3], [0, 3]],
    [new nn.Flatten(), [0, 2, 3], [0, 6]],
    [new nn.RNN(new nn.GRUCell(3, 2)), [0, 4, 3], [0, 4, 2]],
    [new nn.LSTM(3, 2, { layers: 2 }), [0, 4, 3], [0, 4, 2]],
    [new nn.MultiHeadAttention(4, 2), [0, 3, 4], [0, 3, 4]],
  ];
  for (const [layer, shape, want] of cases) {
    const y = layer.call(tf.zeros(shape) as never) as tf.Tensor;
    assertEquals(y.shape, want, layer.constructor.name);
  }
}, { only: ["cpu", "wasm"] });
