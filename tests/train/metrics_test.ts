/** Metrics that are no means over batches, in `evaluate` and `fit`. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
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
    const { message } = await assertRejects(
      () =>
        train.fit({
          ...options,
          model: new nn.Linear(3, 2),
          metrics: { accuracy: CLASSIFIERS.accuracy() },
        }),
      RangeError,
    );
    assertEquals(
      message.slice(message.indexOf("]: a metric")),
      "]: a metric calls the model with the first 1 of the 2 tensors of a batch, and takes the last for the targets: if the batch has another order, give train.metric(metric, (...batch) => [predictions, targets])",
    );
    for (const value of ["high", [1, 2], [[1, 2], [3]], [[1, "2"]], []]) {
      const wrong = train.metric(
        {
          reset() {},
          update() {},
          compute: () => Promise.resolve(value),
        } as unknown as nn.AccuracyMetric,
        (x: tf.Tensor2D, y: tf.Tensor1D) => [x, y],
      );
      await assertRejects(
        () => train.evaluate(options.data, { wrong }),
        TypeError,
        'the metric "wrong" must compute a number or a matrix',
      );
    }
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

/** What a matrix of counts is compared with: the labels and the highest scores. */
async function counted(model: nn.Linear): Promise<number[][]> {
  const matrix = Array.from({ length: CLASSES }, () => Array(CLASSES).fill(0));
  for (const [x, y] of train.batches(points(), { batchSize: EXAMPLES })) {
    const scores = await model.predict(x).array() as number[][];
    const labels = await y.array() as number[];
    scores.forEach((row, i) =>
      matrix[labels[i]!]![row.indexOf(Math.max(...row))]++
    );
  }
  return matrix;
}

function classifier(model: nn.Linear) {
  const [x, y] = points();
  return {
    model,
    optimizer: new optim.SGD({ lr: 0.1 })
      .registerTrainableWeights(model.states(ParamState)),
    loss: (x: tf.Tensor2D, y: tf.Tensor1D) =>
      nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
    data: train.batches([x, y], { batchSize: 10 }),
    validation: train.batches([x, y], { batchSize: 7 }),
  };
}

onEachBackend(
  "a metric that is a matrix is in the records of evaluations, in the log and in evaluate",
  async () => {
    random.seed(3);
    const model = new nn.Linear(2, CLASSES);
    const confusion = new nn.ConfusionMatrix(CLASSES);
    const options = classifier(model);
    const metrics = { confusion, accuracy: CLASSIFIERS.accuracy() };
    const { log, values } = await train.fit({ ...options, metrics, epochs: 2 });
    const expected = await counted(model);
    const last = log.evaluations.at(-1)!;
    assertEquals(last.matrices, { confusion: expected });
    assertEquals(Object.keys(last.values), ["loss", "accuracy"]);
    assertEquals(Object.keys(values), ["loss", "accuracy", "trainingLoss"]);
    const line = train.formatLogLine({ type: "evaluation", ...last });
    assertEquals(train.parseRunLog(line).evaluations, [last]);
    assertThrows(
      () => train.parseRunLog(line.replace("[[", '[["a",')),
      RangeError,
      "matrices.confusion[0][0] is not a number",
    );
    const matrix = train.metric(
      confusion,
      (x: tf.Tensor2D, y: tf.Tensor1D) => [model.call(x), y],
    );
    const mean = (x: tf.Tensor2D) => tf.mean<tf.Scalar>(x);
    const found = await train.evaluate(options.validation, { matrix, mean });
    assertEquals(found.matrix satisfies number[][], expected);
    assertEquals(typeof found.mean, "number");
    model.dispose();
  },
);

onEachBackend(
  "a matrix cannot be monitored",
  async () => {
    const model = new nn.Linear(2, CLASSES);
    const metrics = { confusion: new nn.ConfusionMatrix(CLASSES) };
    const options = { ...classifier(model), metrics, epochs: 2 };
    const monitored = { monitor: "confusion", mode: "max" } as const;
    const folder = await Deno.makeTempDir();
    for (
      const rest of [
        { monitor: "confusion" },
        { callbacks: [train.earlyStopping(monitored)] },
        { checkpoint: { folder, best: monitored } },
      ]
    ) {
      await assertRejects(
        () => train.fit({ ...options, ...rest }),
        TypeError,
        'the measure that is monitored must be a number: "confusion" is a matrix',
      );
    }
    await Deno.remove(folder, { recursive: true });
    model.dispose();
  },
  { only: ["cpu"] },
);

onEachBackend(
  "the training sample is measured as the validation data are, and does not change the run",
  async () => {
    const run = async (hasSample: boolean) => {
      random.seed(4);
      const model = new nn.Sequential(
        new nn.Linear(2, 8),
        new nn.Dropout(),
        new nn.Linear(8, CLASSES),
      );
      const rest = classifier(model as unknown as nn.Linear);
      const folder = await Deno.makeTempDir();
      const { log } = await train.fit({
        ...rest,
        metrics: {
          accuracy: CLASSIFIERS.accuracy(),
          confusion: new nn.ConfusionMatrix(CLASSES),
        },
        ...hasSample ? { trainingSample: rest.validation } : {},
        epochs: 2,
        callbacks: [
          train.csvLog(`${folder}/log.csv`),
          train.tensorBoard(`${folder}/events`),
        ],
      });
      model.dispose();
      const csv = await Deno.readTextFile(`${folder}/log.csv`);
      const [{ name }] = [...Deno.readDirSync(`${folder}/events`)] as [
        Deno.DirEntry,
      ];
      const events = await Deno.readTextFile(`${folder}/events/${name}`);
      await Deno.remove(folder, { recursive: true });
      return { log, csv, events };
    };
    const [plain, sampled] = [await run(false), await run(true)];
    assert(!plain.csv.includes("train_") && !("training" in plain.log));
    assert(sampled.csv.startsWith(
      "step,epoch,time,loss,lr,gradNorm,rate,val_loss,val_accuracy,train_loss,train_accuracy\n",
    ));
    for (const tag of ["loss", "accuracy"]) {
      const name = `training sample/${tag}`;
      assertEquals(plain.events.includes(name), false);
      assertEquals(sampled.events.split(name).length - 1, 2);
    }
    assert(!sampled.events.includes("confusion"));
    for (const [i, record] of sampled.log.evaluations.entries()) {
      assertEquals(record.values, plain.log.evaluations[i]!.values);
      // The sample is the validation data here.
      assertEquals(record.training, record.values);
      const { loss, accuracy } = record.values;
      assert(
        sampled.csv.includes(`,${loss},${accuracy},${loss},${accuracy}\n`),
        sampled.csv,
      );
    }
    const line = train.formatLogLine({
      type: "evaluation",
      ...sampled.log.evaluations[0]!,
    });
    assertEquals(
      train.parseRunLog(line).evaluations,
      sampled.log.evaluations.slice(0, 1),
    );
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "a training sample without validation data, or used up after one pass, is refused",
  async () => {
    const model = new nn.Linear(2, CLASSES);
    const { validation, ...options } = classifier(model);
    await assertRejects(
      () => train.fit({ ...options, trainingSample: validation, epochs: 2 }),
      TypeError,
      "trainingSample is measured together with the validation data",
    );
    for (const option of [{ evaluateEvery: 2 }, { monitor: "loss" }]) {
      await assertRejects(
        () => train.fit({ ...options, epochs: 2, ...option }),
        TypeError,
        `${Object.keys(option)[0]} is of the validation data`,
      );
    }
    const once = (function* () {
      yield* validation;
    })();
    await assertRejects(
      () =>
        train.fit({ ...options, validation, trainingSample: once, epochs: 2 }),
      TypeError,
      "trainingSample must be iterable more than once",
    );
    model.dispose();
  },
  { only: ["cpu"] },
);

onEachBackend(
  "metrics of regression and of two classes in fit are those of loops in float64",
  async () => {
    random.seed(6);
    const [x] = points();
    const targets = Float32Array.from(
      { length: EXAMPLES },
      (_, i) => Math.cos(5 * i) > 0 ? 1 : 0,
    );
    const model = new nn.Linear(2, 1);
    const flat = (x: tf.Tensor) => tf.reshape(x, [-1]);
    const { values } = await train.fit({
      model,
      optimizer: new optim.SGD({ lr: 0.1 })
        .registerTrainableWeights(model.states(ParamState)),
      loss: (x, y) => nn.squaredError(model.call(x), y, { reduction: "mean" }),
      data: train.batches([x, train.column(targets, [1])], { batchSize: 10 }),
      validation: train.batches([x, train.column(targets, [1])], {
        batchSize: 7,
      }),
      metrics: {
        mse: new nn.MeanSquaredErrorMetric(),
        mae: new nn.MeanAbsoluteErrorMetric(),
        r2: new nn.R2ScoreMetric(),
        auc: train.metric(
          new nn.AUCMetric(),
          (x: tf.Tensor2D, y: tf.Tensor2D) => [flat(model.call(x)), flat(y)],
        ),
      },
      epochs: 2,
    });
    const inputs = tf.tensor2d(x.data as Float32Array, [EXAMPLES, 2]);
    const scores = model.predict(inputs);
    const predicted = [...await scores.data()];
    tf.dispose([inputs, scores]);
    const average = (f: (i: number) => number) =>
      predicted.reduce((sum, _, i) => sum + f(i), 0) / EXAMPLES;
    const center = average((i) => targets[i]!);
    const mse = average((i) => (predicted[i]! - targets[i]!) ** 2);
    let [right, pairs] = [0, 0];
    for (let i = 0; i < EXAMPLES; i++) {
      for (let j = 0; j < EXAMPLES; j++) {
        if (targets[i] !== 1 || targets[j] !== 0) continue;
        pairs++;
        const [a, b] = [predicted[i]!, predicted[j]!];
        right += a > b ? 1 : a === b ? 0.5 : 0;
      }
    }
    const expected = {
      mse,
      mae: average((i) => Math.abs(predicted[i]! - targets[i]!)),
      r2: 1 - mse / average((i) => (targets[i]! - center) ** 2),
      auc: right / pairs,
    };
    for (const [name, value] of Object.entries(expected)) {
      const error = Math.abs(values[name]! - value);
      assert(error < 1e-6, `${name}: ${values[name]} is not ${value}`);
    }
    model.dispose();
  },
);
