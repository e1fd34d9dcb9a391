import * as tf from "@tensorflow/tfjs-core";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import { nn, useBackend } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

type Any = nn.Metric<[tf.Tensor, tf.Tensor], unknown>;

/** All metrics, with the arguments that make an update of three values or rows. */
const metrics: Record<string, {
  readonly make: () => Any;
  readonly kind: "values" | "pairs" | "classes" | "scores";
}> = {
  AverageMetric: {
    make: () => new nn.AverageMetric() as unknown as Any,
    kind: "values",
  },
  WelfordMetric: {
    make: () => new nn.WelfordMetric() as unknown as Any,
    kind: "values",
  },
  MeanAbsoluteErrorMetric: {
    make: () => new nn.MeanAbsoluteErrorMetric(),
    kind: "pairs",
  },
  MeanSquaredErrorMetric: {
    make: () => new nn.MeanSquaredErrorMetric(),
    kind: "pairs",
  },
  R2ScoreMetric: { make: () => new nn.R2ScoreMetric(), kind: "pairs" },
  AUCMetric: { make: () => new nn.AUCMetric(), kind: "scores" },
  PerplexityMetric: { make: () => new nn.PerplexityMetric(), kind: "classes" },
  AccuracyMetric: { make: () => new nn.AccuracyMetric(), kind: "classes" },
  "AccuracyMetric, topK": {
    make: () => new nn.AccuracyMetric({ topK: 2 }),
    kind: "classes",
  },
  ConfusionMatrix: { make: () => new nn.ConfusionMatrix(2), kind: "classes" },
  ...Object.fromEntries((["macro", "weighted", "micro"] as const).flatMap(
    (average) => [
      [`PrecisionMetric, ${average}`, {
        make: () => new nn.PrecisionMetric(2, { average }),
        kind: "classes" as const,
      }],
      [`RecallMetric, ${average}`, {
        make: () => new nn.RecallMetric(2, { average }),
        kind: "classes" as const,
      }],
      [`F1ScoreMetric, ${average}`, {
        make: () => new nn.F1ScoreMetric(2, { average }),
        kind: "classes" as const,
      }],
    ],
  )),
};

/** An update, with the first value or score replaced. */
function update(metric: Any, kind: string, first: number, count = 3) {
  const values = [first, 2, 5].slice(0, count);
  const other = [1, 0, 1].slice(0, count);
  if (kind === "classes") {
    const scores = values.map((x) => [x, 1]);
    metric.update(
      tf.tensor2d(scores, [count, 2]),
      tf.tensor1d(other, "int32"),
    );
  } else if (kind === "values") {
    metric.update(tf.tensor1d(values), undefined as never);
  } else metric.update(tf.tensor1d(values), tf.tensor1d(other));
}

/** All numbers in what a metric computed. */
function numbersOf(value: unknown): number[] {
  if (typeof value === "number") return [value];
  return Object.values(value as object).flatMap(numbersOf);
}

for (const [name, { make, kind }] of Object.entries(metrics)) {
  onEachBackend(`${name} of NaN ends, and is NaN`, async () => {
    const metric = make();
    update(metric, kind, 0.5);
    update(metric, kind, NaN);
    const values = numbersOf(await metric.compute());
    assert(values.some(Number.isNaN), `${values}`);
    metric.reset();
    update(metric, kind, 0.5);
    assert(numbersOf(await metric.compute()).every(Number.isFinite));
  });

  onEachBackend(
    `${name} of an empty batch is NaN, and adds nothing`,
    async () => {
      const metric = make(), other = make();
      update(metric, kind, 0, 0);
      const empty = await metric.compute().catch((error) => error);
      if (empty instanceof Error) {
        assert(/updated first/.test(empty.message), empty.message);
      } else {assert(
          numbersOf(empty).every(Number.isNaN),
          `${numbersOf(empty)}`,
        );}
      update(metric, kind, 0.5);
      update(metric, kind, 0, 0);
      update(other, kind, 0.5);
      assertEquals(await metric.compute(), await other.compute());
    },
  );

  onEachBackend(`${name} of Infinity ends`, async () => {
    for (const x of [Infinity, -Infinity]) {
      const metric = make();
      update(metric, kind, x);
      await metric.compute();
    }
  });
}

onEachBackend("the AUC of [0.5, NaN] is NaN", async () => {
  const metric = new nn.AUCMetric();
  metric.update(tf.tensor1d([0.5, NaN]), tf.tensor1d([0, 1]));
  assertEquals(await metric.compute(), NaN);
});

onEachBackend(
  "the AUC of one class is NaN, that of infinite scores is right",
  async () => {
    const metric = new nn.AUCMetric();
    metric.update(tf.tensor1d([0.5, 1]), tf.tensor1d([1, 1]));
    assertEquals(await metric.compute(), NaN);
    metric.update(tf.tensor1d([-Infinity, Infinity]), tf.tensor1d([0, 1]));
    // Of the pairs with the negative, all three are in order.
    assertEquals(await metric.compute(), 1);
  },
);

onEachBackend("R² of equal targets is NaN", async () => {
  const metric = new nn.R2ScoreMetric();
  metric.update(tf.tensor1d([1, 2, 3]), tf.tensor1d([0.1, 0.1, 0.1]));
  metric.update(tf.tensor1d([1]), tf.tensor1d([0.1]));
  assertEquals(await metric.compute(), NaN);
});

onEachBackend("metrics of integers are those of the same numbers", async () => {
  const int = (...values: number[]) => tf.tensor1d(values, "int32");
  const average = new nn.AverageMetric();
  average.update(int(1, 2, 3));
  average.update(int(10));
  average.update(tf.tensor1d([true, true], "bool"));
  assertEquals(await average.compute(), 18 / 6);
  const large = new nn.AverageMetric();
  large.update(tf.fill([4], 2 ** 30, "int32"));
  assertEquals(await large.compute(), 2 ** 30);
  const spread = new nn.WelfordMetric();
  spread.update(int(1, 3));
  spread.update(int(5, 7));
  assertAlmostEquals((await spread.compute()).std, Math.sqrt(5), 1e-6);
  const error = new nn.MeanSquaredErrorMetric();
  error.update(int(100_000, 0), int(0, 0));
  error.update(int(1), tf.tensor1d([1]));
  assertAlmostEquals(await error.compute() / 1e10, 1 / 3, 1e-6);
  const distance = new nn.MeanAbsoluteErrorMetric();
  distance.update(int(1, 3), tf.tensor1d([2, 1.5]));
  assertAlmostEquals(await distance.compute(), 1.25, 1e-6);
  const r2 = new nn.R2ScoreMetric();
  r2.update(int(1, 2, 4), int(1, 2, 3));
  assertAlmostEquals(await r2.compute(), 0.5, 1e-6);
  const auc = new nn.AUCMetric();
  auc.update(int(1, 2, 3), tf.tensor1d([false, true, true], "bool"));
  assertEquals(await auc.compute(), 1);
  for (const topK of [1, 2]) {
    const accuracy = new nn.AccuracyMetric({ topK });
    accuracy.update(tf.tensor2d([[1, 5, 3]], [1, 3], "int32"), int(2));
    assertEquals(await accuracy.compute(), topK - 1);
  }
  const perplexity = new nn.PerplexityMetric();
  perplexity.update(tf.zeros([2, 4], "int32"), tf.tensor1d([0, 3]));
  assertAlmostEquals(await perplexity.compute(), 4, 1e-5);
});

Deno.test("metrics say which of their values are better", () => {
  const modes = (metric: nn.Metric<never[], unknown>) => metric.mode;
  assertEquals(
    [
      new nn.MeanAbsoluteErrorMetric(),
      new nn.MeanSquaredErrorMetric(),
      new nn.PerplexityMetric(),
      new nn.R2ScoreMetric(),
      new nn.AccuracyMetric(),
      new nn.PrecisionMetric(2),
      new nn.RecallMetric(2),
      new nn.F1ScoreMetric(2),
      new nn.AUCMetric(),
    ].map(modes),
    ["min", "min", "min", "max", "max", "max", "max", "max", "max"],
  );
  // These have no direction of their own.
  for (
    const metric of [
      new nn.AverageMetric(),
      new nn.WelfordMetric(),
      new nn.ConfusionMatrix(2),
    ]
  ) {
    assertEquals(modes(metric), undefined);
  }
});

Deno.test("a metric that averages over classes says by its own name what is wrong", async () => {
  await useBackend("cpu");
  for (
    const Metric of [nn.PrecisionMetric, nn.RecallMetric, nn.F1ScoreMetric]
  ) {
    assertThrows(
      () => new Metric(0),
      RangeError,
      `Cannot create ${Metric.name}: classes must be a positive integer: current value is 0`,
    );
    assertThrows(
      () => new Metric(2).update(tf.ones([1, 3]), tf.tensor1d([0], "int32")),
      RangeError,
      `Cannot update ${Metric.name}: scores must have shape [..., 2]: current shape is [1, 3]`,
    );
    assertThrows(
      () => new Metric(2).update(tf.ones([1, 2]), tf.tensor1d([2], "int32")),
      RangeError,
      `Cannot update ${Metric.name}: `,
    );
  }
});
