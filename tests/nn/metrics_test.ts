import * as tf from "@tensorflow/tfjs-core";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { nn } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

// Labels 0 0 0 1 1 2, predicted 0 0 1 1 2 2.
const labels = [0, 0, 0, 1, 1, 2];
const scores = [
  [3, 1, 0],
  [2, 1, 1.5],
  [1, 2, 0],
  [0, 5, 1],
  [2, 1, 3],
  [0, 1, 2],
];

/** Two batches of unequal size, as they come at the end of an epoch. */
function batches(): [tf.Tensor, tf.Tensor][] {
  return [[0, 4], [4, 6]].map(([from, to]) => [
    tf.tensor2d(scores.slice(from, to)),
    tf.tensor1d(labels.slice(from, to), "int32"),
  ]);
}

// By hand: of classes 0, 1, 2, right 2 1 1, predicted 2 2 2, labelled 3 2 1.
// precision 1, 1/2, 1/2; recall 2/3, 1/2, 1; F1 4/5, 2/4, 2/3.
const classified: Record<
  string,
  [() => nn.Metric<nn.Classified, unknown>, unknown]
> = {
  accuracy: [() => new nn.AccuracyMetric(), 4 / 6],
  // Only the third label, with the second highest score, and the fifth, with the
  // third highest, are not first.
  "top-2 accuracy": [() => new nn.AccuracyMetric({ topK: 2 }), 5 / 6],
  "top-3 accuracy": [() => new nn.AccuracyMetric({ topK: 3 }), 1],
  precision: [() => new nn.PrecisionMetric(3), 2 / 3],
  "weighted precision": [
    () => new nn.PrecisionMetric(3, { average: "weighted" }),
    4.5 / 6,
  ],
  "micro precision": [
    () => new nn.PrecisionMetric(3, { average: "micro" }),
    4 / 6,
  ],
  recall: [() => new nn.RecallMetric(3), (2 / 3 + 1 / 2 + 1) / 3],
  "weighted recall": [
    () => new nn.RecallMetric(3, { average: "weighted" }),
    4 / 6,
  ],
  "micro recall": [() => new nn.RecallMetric(3, { average: "micro" }), 4 / 6],
  F1: [() => new nn.F1ScoreMetric(3), (4 / 5 + 1 / 2 + 2 / 3) / 3],
  "weighted F1": [
    () => new nn.F1ScoreMetric(3, { average: "weighted" }),
    (3 * 4 / 5 + 1 + 2 / 3) / 6,
  ],
  "micro F1": [() => new nn.F1ScoreMetric(3, { average: "micro" }), 4 / 6],
  "confusion matrix": [() => new nn.ConfusionMatrix(3), [[2, 1, 0], [0, 1, 1], [
    0,
    0,
    1,
  ]]],
};

for (const [name, [make, want]] of Object.entries(classified)) {
  onEachBackend(`the ${name} of two batches`, async () => {
    const metric = make();
    const before = tf.memory().numTensors;
    for (let round = 0; round < 2; round++) { // the second after a reset
      for (const [s, l] of batches()) {
        metric.update(s, l);
        tf.dispose([s, l]);
      }
      const value = await metric.compute();
      if (typeof want === "number") {
        assertAlmostEquals(value as number, want, 1e-6);
      } else assertEquals(value, want);
      assertEquals(await metric.compute(), value, "computed twice");
      metric.reset();
    }
    assertEquals(tf.memory().numTensors, before);
  });
}

onEachBackend("averages and errors of batches of unequal size", async () => {
  const average = new nn.AverageMetric();
  average.update(tf.tensor2d([[1, 2], [3, 4]]));
  average.update(10);
  assertAlmostEquals(await average.compute(), 4, 1e-6);

  const distance = new nn.MeanAbsoluteErrorMetric();
  const error = new nn.MeanSquaredErrorMetric();
  const r2 = new nn.R2ScoreMetric();
  // Targets 1 2 3 6: mean 3, squared deviations 14; errors 0 1 0 2: squares 5.
  for (const [p, t] of [[[1, 3], [1, 2]], [[3, 4], [3, 6]]] as const) {
    distance.update(tf.tensor1d([...p]), tf.tensor1d([...t]));
    error.update(tf.tensor1d([...p]), tf.tensor1d([...t]));
    r2.update(tf.tensor1d([...p]), tf.tensor1d([...t]));
  }
  assertAlmostEquals(await distance.compute(), 3 / 4, 1e-6);
  assertAlmostEquals(await error.compute(), 5 / 4, 1e-6);
  assertAlmostEquals(await r2.compute(), 1 - 5 / 14, 1e-6);
});

onEachBackend(
  "perplexity of even logits is the number of classes",
  async () => {
    const metric = new nn.PerplexityMetric();
    metric.update(tf.zeros([3, 5]), tf.tensor1d([0, 4, 2], "int32"));
    assertAlmostEquals(await metric.compute(), 5, 1e-5);
  },
);

onEachBackend("AUC counts pairs in the right order, ties half", async () => {
  const metric = new nn.AUCMetric();
  // Positives 0.8 0.5, negatives 0.1 0.5 0.9: of 6 pairs right 1 + 0.5 + 0 and 1 + 1 + 0.
  metric.update(tf.tensor1d([0.8, 0.1, 0.5]), tf.tensor1d([1, 0, 1]));
  metric.update(tf.tensor1d([0.5, 0.9]), tf.tensor1d([0, 0]));
  assertAlmostEquals(await metric.compute(), 3.5 / 6, 1e-9);
});

onEachBackend(
  "WelfordMetric keeps its digits beside a large mean",
  async () => {
    const metric = new nn.WelfordMetric();
    metric.update(tf.tensor1d([10_000, 10_002]));
    metric.update(tf.tensor1d([10_004, 10_006]));
    const { mean, std } = await metric.compute();
    assertAlmostEquals(mean, 10_003, 1e-2);
    assertAlmostEquals(std, Math.sqrt(5), 1e-5);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a metric updated within a scope or a gradient computes afterwards",
  async () => {
    const metric = new nn.AverageMetric();
    tf.tidy(() => {
      metric.update(tf.tensor1d([1, 3]));
    });
    assertEquals(await metric.compute(), 2);
  },
);

onEachBackend(
  "updates while computing count in the next computation",
  async () => {
    const metric = new nn.AverageMetric();
    metric.update(1);
    const first = metric.compute();
    metric.update(3);
    assertEquals(await first, 1);
    assertEquals(await metric.compute(), 2);
  },
  { only: ["cpu"] },
);

onEachBackend("metrics refuse shapes that do not belong together", () => {
  const [s, l] = [tf.zeros([3, 2]), tf.zeros([2])];
  for (
    const metric of [
      new nn.AccuracyMetric(),
      new nn.ConfusionMatrix(2),
      new nn.F1ScoreMetric(2),
      new nn.AUCMetric(),
      new nn.MeanAbsoluteErrorMetric(),
      new nn.MeanSquaredErrorMetric(),
      new nn.PerplexityMetric(),
    ]
  ) {
    const error = assertThrows(() => metric.update(s, l), RangeError);
    assert(error.message.includes("[3, 2]") && error.message.includes("[2]"));
  }
  assertThrows(
    () => new nn.ConfusionMatrix(3).update(tf.zeros([2, 2]), l),
    RangeError,
    "[..., 3]",
  );
}, { only: ["cpu"] });
