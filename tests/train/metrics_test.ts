/** Metrics that are no means over batches, in `evaluate` and `fit`. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";

const CLASSES = 3, EXAMPLES = 50;

/** Points of three classes, which overlap. */
function points() {
  const source = new random.RandomState(5);
  const labels = Int32Array.from(source.words(EXAMPLES), (w) => w % CLASSES);
  const x = Float32Array.from(
    source.words(2 * EXAMPLES),
    (w, i) => w / 2 ** 32 + labels[i >> 1]! * (i % 2 ? 0.5 : -0.5),
  );
  return [train.column(x, [2]), train.column(labels)] as const;
}

const CLASSIFIERS = {
  accuracy: () => new nn.AccuracyMetric(),
  top2: () => new nn.AccuracyMetric({ topK: 2 }),
  f1: () => new nn.F1ScoreMetric(CLASSES),
  precision: () => new nn.PrecisionMetric(CLASSES),
  recall: () => new nn.RecallMetric(CLASSES),
};

onEachBackend(
  "metrics of fit are those of all predictions at once, whatever the batches",
  async () => {
    random.seed(2);
    const model = new nn.Sequential(
      new nn.Linear(2, 8),
      new nn.Dropout(),
      new nn.Linear(8, CLASSES),
    );
    const [x, y] = points();
    const metrics = Object.fromEntries(
      Object.entries(CLASSIFIERS).map(([name, make]) => [name, make()]),
    );
    for (const isCompiled of [false, true]) {
      const { values, log } = await train.fit({
        model,
        optimizer: new optim.Adam({ lr: 0.05 })
          .registerTrainableWeights(model.states(ParamState)),
        loss: (x: tf.Tensor2D, y: tf.Tensor1D) =>
          nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
        data: train.batches([x, y], { batchSize: 10, shuffle: true }),
        validation: train.batches([x, y], { batchSize: 7 }),
        metrics,
        epochs: 3,
        compile: isCompiled,
      });
      for (const [name, make] of Object.entries(CLASSIFIERS)) {
        const metric = make();
        for (const [x, y] of train.batches(points(), { batchSize: EXAMPLES })) {
          const scores = model.predict(x);
          metric.update(scores, y);
          scores.dispose();
        }
        assertEquals(values[name], await metric.compute(), name);
      }
      assertEquals(log.evaluations.length, 3);
      assert(log.evaluations.every(({ values }) => "f1" in values));
    }
    model.dispose();
  },
);

onEachBackend(
  "the direction of a metric is known to early stopping and the best checkpoint",
  async () => {
    const model = new nn.Linear(2, CLASSES);
    const [x, y] = points();
    const { values } = await train.fit({
      model,
      optimizer: new optim.SGD({ lr: 0 })
        .registerTrainableWeights(model.states(ParamState)),
      loss: (x: tf.Tensor2D, y: tf.Tensor1D) =>
        nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
      data: train.batches([x, y], { batchSize: 25 }),
      validation: train.batches([x, y], { batchSize: 25 }),
      metrics: { f1: CLASSIFIERS.f1() },
      callbacks: [train.earlyStopping({ monitor: "f1", patience: 1 })],
      epochs: 9,
    });
    assert("f1" in values);
    model.dispose();
  },
  { only: ["cpu"] },
);

onEachBackend(
  "evaluate takes metrics alone, and starts each anew",
  async () => {
    const x = tf.tensor1d([1, 2, 4, 8]), y = tf.tensor1d([1, 3, 3, 9]);
    const r2 = train.metric(
      new nn.R2ScoreMetric(),
      (x: tf.Tensor1D, y: tf.Tensor1D) => [x, y],
    );
    assertEquals(r2.mode, "max");
    const data = train.batches([x, y], { batchSize: 3 });
    for (let k = 0; k < 2; k++) {
      const { r2: seen } = await train.evaluate(data, { r2 });
      // 1 - Σ (y - x)² / Σ (y - mean)²
      assert(Math.abs(seen - (1 - 3 / 36)) < 1e-6, `${seen}`);
    }
    const both = await train.evaluate(data, { r2, mean: (x) => tf.mean(x) });
    assertEquals(Object.keys(both), ["r2", "mean"]);
    assertEquals(both.mean, 3.75);
    tf.dispose([x, y]);
  },
);

onEachBackend(
  "a metric without a model, or that is no number, is refused",
  async () => {
    const w = new ParamState(tf.zeros([2, CLASSES]));
    const [x, y] = points();
    const options = {
      optimizer: new optim.SGD({ lr: 0.1 }).registerTrainableWeights({ w }),
      loss: (x: tf.Tensor2D, y: tf.Tensor1D) =>
        nn.softmaxCrossEntropy(tf.matMul(x, w.value as tf.Tensor2D), y, {
          reduction: "mean",
        }),
      data: train.batches([x, y], { batchSize: 25 }),
      validation: train.batches([x, y], { batchSize: 25 }),
      epochs: 1,
    };
    const before = [...await w.value.data()];
    await assertRejects(
      () =>
        train.fit({
          ...options,
          metrics: { accuracy: CLASSIFIERS.accuracy() },
        }),
      TypeError,
      "Cannot fit: metrics.accuracy needs the option model",
    );
    assertEquals([...await w.value.data()], before);
    const matrix = train.metric(
      new nn.ConfusionMatrix(CLASSES) as unknown as nn.AccuracyMetric,
      (x: tf.Tensor2D, y: tf.Tensor1D) => [
        tf.matMul(x, w.value as tf.Tensor2D),
        y,
      ],
    );
    await assertRejects(
      () => train.evaluate(options.data, { matrix }),
      TypeError,
      'the metric "matrix" must compute a number',
    );
    for (const wrong of [{}, { update() {} }, 3]) {
      await assertRejects(
        () => train.fit({ ...options, metrics: { wrong } } as never),
        TypeError,
        "metrics.wrong must be a metric",
      );
    }
    w.dispose();
  },
  { only: ["cpu"] },
);
