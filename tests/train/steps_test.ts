import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { batches } from "../../data/batches.ts";
import { column } from "../../data/column.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { line, numbers, weights } from "./_setup.ts";

const only = { only: ["cpu", "wasm"] } as const;

onEachBackend("a group's own scheduler moves in fit()", async () => {
  const { model, loss, data } = line();
  const optimizer = new optim.SGD({ lr: 0.01 })
    .registerTrainableWeights({ weight: model.weight })
    .addParamGroup({ bias: model.bias! }, {
      lr: new optim.ExponentialLR({ baseLr: 0.1, gamma: 0.5 }),
    });
  await train.fit({ model, optimizer, loss, data, epochs: 1 });
  assertAlmostEquals(optimizer.paramGroups[1]!.lr as number, 0.00625, 1e-12);
}, only);

onEachBackend("a group's own plateau sees the metric", async () => {
  const { model, loss, data } = line();
  const plateau = new optim.ReduceLROnPlateau({
    baseLr: 0.1,
    factor: 0.5,
    patience: 0,
  });
  const optimizer = new optim.SGD({ lr: 0.01 })
    .registerTrainableWeights({ weight: model.weight })
    .addParamGroup({ bias: model.bias! }, { lr: plateau });
  let worse = 0;
  await train.fit({
    model,
    optimizer,
    loss,
    data,
    validation: numbers(false, 8),
    metrics: { worse: () => tf.scalar(++worse) },
    monitor: "worse",
    epochs: 3,
  });
  assertEquals(plateau.currentLrs, [0.1 * 0.5 ** 2]);
}, only);

onEachBackend(
  "a rate set by hand in a callback holds until it is set again",
  async () => {
    const options = line(0.1);
    const { log } = await train.fit({
      ...options,
      epochs: 3,
      logEvery: 1,
      callbacks: [{
        onEpoch({ epoch, optimizer }) {
          if (epoch === 1) optimizer.currentLr = 0.001;
        },
      }],
    });
    assertEquals(log.steps.map(({ lr }) => lr), [
      ...Array(4).fill(0.1),
      ...Array(8).fill(0.001),
    ]);
  },
  only,
);

onEachBackend(
  "freezing acts from the next step on, in fit() and step()",
  async () => {
    const { model, optimizer, loss, data } = line(0.01);
    const bias = async () => (await model.bias!.value.data())[0]!;
    const weight = async () => (await model.weight.value.data())[0]!;
    const seen: [number, number][] = [];
    await train.fit({
      model,
      optimizer,
      loss,
      data,
      epochs: 3,
      callbacks: [{
        async onEpoch({ epoch }) {
          seen.push([await weight(), await bias()]);
          if (epoch === 1) model.bias!.frozen = true;
          if (epoch === 2) model.bias!.frozen = false;
        },
      }],
    });
    assert(seen[0]![0] !== seen[1]![0] && seen[1]![0] !== seen[2]![0]);
    assertEquals(seen[1]![1], seen[0]![1]);
    assert(seen[2]![1] !== seen[1]![1]);

    model.bias!.frozen = true;
    const frozen = await bias();
    const step = train.step(loss, optimizer);
    const x = tf.tensor2d([[1], [2]]);
    const before = tf.memory().numTensors;
    step(x).dispose();
    assertEquals(tf.memory().numTensors, before);
    assertEquals(await bias(), frozen);
    x.dispose();
  },
  only,
);

onEachBackend(
  "the gradients of frozen parameters do not count in their norm",
  async () => {
    const w = new ParamState(tf.tensor1d([0]));
    const huge = new ParamState(tf.tensor1d([0]));
    huge.frozen = true;
    const optimizer = new optim.SGD({ lr: 1 })
      .registerTrainableWeights({ w, huge });
    const { log } = await train.fit({
      optimizer,
      loss: (x) =>
        tf.mean<tf.Scalar>(
          tf.add(tf.mul(x, w.value), tf.mul(1e6, huge.value)),
        ),
      data: batches([Float32Array.of(3)]),
      epochs: 1,
      gradClipNorm: 2,
    });
    assertAlmostEquals((await w.value.data())[0]!, -2, 1e-6);
    assertEquals((await huge.value.data())[0], 0);
    assertEquals(log.steps[0]!.gradNorm, 3);
  },
  only,
);

/** Least squares, whose minimum is known. */
function leastSquares() {
  random.seed(3);
  const xs = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i));
  const ys = xs.map((x) => 3 * x - 2);
  const model = new nn.Linear(1, 1);
  const data = batches([column(xs, [1]), column(ys, [1])], { batchSize: 20 });
  const loss = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y));
  return { model, data, loss };
}

for (const linesearch of ["zoom", "backtracking", null] as const) {
  onEachBackend(
    `fit() trains with L-BFGS (line search ${linesearch})`,
    async () => {
      const { model, data, loss } = leastSquares();
      const optimizer = new optim.LBFGS({
        linesearch,
        lr: linesearch ? 1 : 0.3,
      })
        .registerTrainableWeights(model.states(ParamState));
      const before = tf.memory().numTensors;
      let held = 0;
      const result = await train.fit({
        model,
        optimizer,
        data,
        loss,
        epochs: 25,
        callbacks: [{
          onStep: ({ step }) => {
            if (step === 15) held = tf.memory().numTensors;
          },
        }],
      });
      assert(result.values.loss! < 1e-2, String(result.values.loss));
      const [weight] = await model.weight.value.data();
      const [bias] = await model.bias!.value.data();
      assertAlmostEquals(weight!, 3, 1e-2);
      assertAlmostEquals(bias!, -2, 1e-2);
      assertEquals([result.step, optimizer.stepCount], [25, 25]);
      assert(tf.memory().numTensors <= Math.max(before, held));
    },
    only,
  );
}

onEachBackend(
  "fit() refuses accumulation and clipping with a line search",
  async () => {
    for (
      const [name, rest] of [
        ["accumulate", { accumulate: 2 }],
        ["gradClipNorm", { gradClipNorm: 1 }],
        ["gradClipValue", { gradClipValue: 1 }],
      ] as const
    ) {
      const { model, data, loss } = leastSquares();
      const optimizer = new optim.LBFGS({ linesearch: "zoom" })
        .registerTrainableWeights(model.states(ParamState));
      await assertRejects(
        () => train.fit({ model, optimizer, data, loss, epochs: 1, ...rest }),
        TypeError,
        `Cannot fit: ${name} must be left out with a line search`,
      );
    }
  },
  only,
);

onEachBackend(
  "averaged weights get running statistics of their own at the end",
  async () => {
    random.seed(2);
    const values = Float32Array.from({ length: 24 }, (_, i) => Math.cos(3 * i));
    const model = new nn.Sequential(
      new nn.Linear(1, 3),
      new nn.BatchNorm0d(3),
      new nn.Linear(3, 1),
    );
    const loss = (x: tf.Tensor2D) =>
      tf.mean<tf.Scalar>(
        tf.squaredDifference(model.call(x) as tf.Tensor2D, tf.square(x)),
      );
    const data = () => batches([column(values, [1])], { batchSize: 6 });
    const average = new train.StochasticWeightAverage(model.states(ParamState));
    const result = await train.fit({
      model,
      optimizer: new optim.SGD({ lr: 0.1 })
        .registerTrainableWeights(model.states(ParamState)),
      loss,
      data: batches([column(values, [1])], { batchSize: 6, shuffle: true }),
      validation: data(),
      epochs: 3,
      average,
    });
    // What the normalization receives under the averaged weights.
    const linear = model.layers[0] as nn.Linear;
    const norm = model.layers[1] as nn.BatchNorm0d;
    const [mean, variance] = tf.tidy(() => {
      const hidden = linear.call(tf.tensor2d(values, [24, 1]));
      const { mean, variance } = tf.moments(hidden, 0);
      return [mean, variance];
    });
    const close = async (a: tf.Tensor, b: tf.Tensor) => {
      const expected = await b.data();
      (await a.data()).forEach((x, i) =>
        assertAlmostEquals(x, expected[i]!, 1e-5)
      );
    };
    await close(norm.runningMean!.value, mean!);
    await close(norm.runningVar!.value, variance!);
    tf.dispose([mean!, variance!]);
    // The values are those of the model as it is left.
    assertEquals(
      result.values.loss,
      (await train.evaluate(data(), { loss })).loss,
    );
  },
  only,
);

onEachBackend(
  "computing running statistics at the end draws no random numbers",
  async () => {
    const after = async (normalized: boolean) => {
      random.seed(2);
      const model = new nn.Sequential(
        new nn.Linear(1, 1),
        ...(normalized ? [new nn.BatchNorm0d(1)] : [nn.tanh]) as [
          nn.BatchNorm0d,
        ],
      );
      random.seed(7);
      await train.fit({
        model,
        optimizer: new optim.SGD({ lr: 0.1 })
          .registerTrainableWeights(model.states(ParamState)),
        loss: (x) => tf.mean<tf.Scalar>(model.call(x) as tf.Tensor2D),
        data: numbers(true),
        epochs: 2,
        average: new train.ExponentialMovingAverage(model.states(ParamState)),
      });
      return random.default.value;
    };
    assertEquals(await after(true), await after(false));
  },
  only,
);

onEachBackend("fit() takes the steps of step()", async () => {
  const fitted = line(0.01);
  await train.fit({ ...fitted, epochs: 2 });
  const stepped = line(0.01);
  const step = train.step(stepped.loss, stepped.optimizer);
  for (let epoch = 0; epoch < 2; epoch++) {
    for (const batch of stepped.data) step(...batch).dispose();
  }
  assertEquals(await weights(stepped.model), await weights(fitted.model));
}, only);
