import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertThrows } from "@std/assert";
import { autodiff, nn } from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

/** Takes labels for three classes. */
type Use = (labels: tf.Tensor) => tf.Tensor;

const logits = () => tf.tensor2d([[1, 2, 0], [0, 1, 3]]);

const losses: Record<string, Use> = {
  softmaxCrossEntropy: (labels) => nn.softmaxCrossEntropy(logits(), labels),
  "softmaxCrossEntropy, averaged": (labels) =>
    nn.softmaxCrossEntropy(logits(), labels, { reduction: "mean" }),
  "softmaxCrossEntropy with weights": (labels) =>
    nn.softmaxCrossEntropy(logits(), labels, {
      classWeights: tf.tensor1d([1, 2, 3]),
      reduction: "mean",
    }),
  "softmaxCrossEntropy with smoothing": (labels) =>
    nn.softmaxCrossEntropy(logits(), labels, { labelSmoothing: 0.1 }),
  nllLoss: (labels) => nn.nllLoss(logits(), labels),
  "nllLoss with another label ignored": (labels) =>
    nn.nllLoss(logits(), labels, { ignoreIndex: -100, reduction: "mean" }),
  ctcLoss: (labels) =>
    nn.ctcLoss(
      tf.zeros([1, 5, 3]),
      tf.reshape(labels, [1, 2]) as tf.Tensor2D,
    ),
};

const metrics: Record<
  string,
  () => nn.Metric<[tf.Tensor, tf.Tensor], unknown>
> = {
  AccuracyMetric: () => new nn.AccuracyMetric(),
  "AccuracyMetric of the two highest": () => new nn.AccuracyMetric({ topK: 2 }),
  ConfusionMatrix: () => new nn.ConfusionMatrix(3),
  PrecisionMetric: () => new nn.PrecisionMetric(3),
  "RecallMetric, weighted": () =>
    new nn.RecallMetric(3, { average: "weighted" }),
  "F1ScoreMetric, micro": () => new nn.F1ScoreMetric(3, { average: "micro" }),
  PerplexityMetric: () => new nn.PerplexityMetric(),
};

const bad = {
  "below 0": -1,
  "the number of classes": 3,
  large: 1e6,
  "a fraction": 0.5,
  NaN,
};

for (const [what, label] of Object.entries(bad)) {
  for (const [name, loss] of Object.entries(losses)) {
    onEachBackend(
      `${name}: a label that is ${what} is no probability`,
      async (on) => {
        const labels = tf.tensor1d([1, label]);
        if (on !== "webgpu") {
          const before = tf.memory().numTensors;
          assertThrows(
            () => tf.tidy(() => loss(labels)),
            RangeError,
            `1] must be an integer in [0, 3)`,
          );
          assertEquals(tf.memory().numTensors, before);
          return;
        }
        const values = await numbers(loss(labels));
        assertEquals(values.some(Number.isNaN), true, `${values}`);
      },
    );
  }
  for (const [name, make] of Object.entries(metrics)) {
    onEachBackend(
      `${name}: a label that is ${what} counts as no answer`,
      async (on) => {
        const metric = make();
        const labels = tf.tensor1d([1, label]);
        if (on !== "webgpu") {
          assertThrows(
            () => metric.update(logits(), labels),
            RangeError,
            "labels[1] must be an integer in [0, 3): current value is",
          );
          return;
        }
        metric.update(logits(), labels);
        const values = [await metric.compute()].flat(2);
        assertEquals(values.some(Number.isNaN), true, `${values}`);
      },
    );
  }
}

onEachBackend(
  "a wrong label gives no gradient that could be applied",
  async (on) => {
    const labels = tf.tensor1d([1, 3]);
    const gradient = autodiff.grad((x: tf.Tensor2D) =>
      nn.softmaxCrossEntropy(x, labels, { reduction: "mean" })
    );
    if (on !== "webgpu") return void assertThrows(() => gradient(logits()));
    const values = await numbers(gradient(logits()));
    assertEquals(values.slice(3), [NaN, NaN, NaN]);
  },
);

onEachBackend(
  "labels of the CTC loss: the blank is none, padding may be anything",
  async (on) => {
    const x = tf.zeros<tf.Rank.R3>([1, 4, 3]);
    if (on !== "webgpu") {
      assertThrows(
        () => nn.ctcLoss(x, tf.tensor2d([[1, 0]])),
        RangeError,
        "labels[0, 1] must be an integer in [0, 3) other than the blank, 0: current value is 0",
      );
    } else {
      assertEquals(await numbers(nn.ctcLoss(x, tf.tensor2d([[1, 0]]))), [NaN]);
    }
    const padded = nn.ctcLoss(x, tf.tensor2d([[1, -1]]), { labelLengths: [1] });
    const short = nn.ctcLoss(x, tf.tensor2d([[1]]));
    assertEquals(await numbers(padded), await numbers(short));
    assertThrows(
      () => nn.ctcLoss(x, tf.tensor2d([[1]]), { blank: 3 }),
      RangeError,
      "blank must be an integer in [0, 3)",
    );
  },
);

onEachBackend("AUC takes targets 0 and 1 only", async (on) => {
  for (const target of [2, -1, 0.5, NaN]) {
    const metric = new nn.AUCMetric();
    const targets = tf.tensor1d([0, 1, target]);
    const update = () => metric.update(tf.tensor1d([0.1, 0.9, 0.5]), targets);
    if (on !== "webgpu") {
      assertThrows(
        update,
        RangeError,
        "targets[2] must be an integer in [0, 2)",
      );
    } else {
      update();
      assertEquals(await metric.compute(), NaN);
    }
  }
});

onEachBackend(
  "Embedding: an index out of range is no vector of zeros",
  async (on) => {
    for (const paddingIdx of [undefined, 1]) {
      const layer = new nn.Embedding(
        3,
        2,
        paddingIdx === undefined ? {} : { paddingIdx },
      );
      for (const index of [-1, 3, 1e6]) {
        const call = () =>
          layer.call(tf.tensor2d([[0, index]], [1, 2], "int32"));
        if (on !== "webgpu") {
          assertThrows(
            call,
            RangeError,
            `in [0, 3): current value is ${index}`,
          );
        } else {
          const values = await numbers(call());
          assertEquals(values.map(Number.isNaN), [false, false, true, true]);
        }
      }
    }
  },
);
