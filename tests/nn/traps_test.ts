/**
 * Behaviour in which other libraries surprise their users, one case each.
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  autodiff,
  environ,
  nn,
  ParamState,
  random,
  scope,
  State,
} from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

const cpu = { only: ["cpu"] } as const;

onEachBackend("evaluation stays evaluation after training", async () => {
  const model = new nn.Sequential(new nn.BatchNorm0d(2), new nn.Dropout());
  const x = tf.tensor2d([[1, 2], [3, 5]]);
  const loss = autodiff.grad(
    () => tf.sum<tf.Scalar>(model.call(x)),
    { states: model.states(ParamState) },
  );
  scope(() => void environ.context({ fit: true }, () => loss()));
  const before = nn.stateDict(model);
  const [a, b] = [0, 1].map(() =>
    environ.context({ fit: false }, () => model.call(x))
  );
  scope(() => void environ.context({ fit: false }, () => loss()));
  await assertClose(a!, b!, 0, "two evaluations");
  for (const [path, value] of Object.entries(nn.stateDict(model))) {
    await assertClose(value, before[path]!, 0, path);
  }
}, cpu);

onEachBackend("a gradient in no states throws", () => {
  const x = tf.ones([2]);
  for (const states of [[], {}]) {
    assertThrows(() =>
      autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(x), { states })(x)
    );
  }
}, cpu);

onEachBackend(
  "a dropout rate is the share dropped, and 1 is refused",
  async () => {
    assertThrows(
      () => new nn.Dropout({ rate: 1 }),
      RangeError,
      "rate must be in [0, 1)",
    );
    const x = tf.ones([10_000]);
    const y = environ.context(
      { fit: true },
      () => new nn.Dropout({ rate: 0.1 }).call(x),
    );
    const dropped = (await y.data()).filter((v) => v === 0).length;
    assert(Math.abs(dropped - 1000) < 150, `${dropped}`);
  },
  cpu,
);

onEachBackend(
  "a write or load of another shape throws and changes nothing",
  async () => {
    const layer = new nn.Linear(2, 3);
    const before = tf.clone(layer.weight.value);
    const wrong = tf.zeros([3, 2]);
    assertThrows(
      () => layer.weight.value = wrong as tf.Tensor2D,
      RangeError,
      "[2,3]",
    );
    assertThrows(
      () => nn.loadStateDict(layer, { bias: tf.ones([3]), weight: wrong }),
      RangeError,
      '"weight"',
    );
    await assertClose(layer.weight.value, before, 0, "weight");
    await assertClose(layer.bias!.value, tf.zeros([3]), 0, "bias");
  },
  cpu,
);

onEachBackend("namedParameters without recursion are a module's own", () => {
  class Net extends nn.Module {
    readonly scale = scope(() => new ParamState(tf.scalar(2)));
    readonly more = [scope(() => new ParamState(tf.scalar(3)))];
    readonly inner = new nn.Linear(1, 1);
    override update(x: tf.Tensor2D) {
      return this.inner.call(x);
    }
  }
  const paths = (module: nn.Module, options: nn.NamedParametersOptions) =>
    nn.namedParameters(module, options).map(([path]) => path);
  assertEquals(paths(new Net(), { recurse: false }), ["scale", "more.0"]);
  assertEquals(paths(new Net(), { prefix: "net" }), [
    "net.scale",
    "net.more.0",
    "net.inner.weight",
    "net.inner.bias",
  ]);
  assertEquals(paths(new nn.Linear(1, 1), { recurse: false }), [
    "weight",
    "bias",
  ]);
  assertEquals(
    paths(new nn.Sequential(new nn.Linear(1, 1)), { recurse: false }),
    [],
  );
}, cpu);

onEachBackend("a state where states() cannot find it throws", () => {
  class Hidden extends nn.Module {
    constructor(readonly box: unknown) {
      super();
    }
    override update() {}
  }
  class Box {
    readonly state = scope(() => new State(tf.scalar(1)));
  }
  const state = scope(() => new State(tf.scalar(1)));
  for (const box of [new Set([state]), new Box()]) {
    assertThrows(() => new Hidden(box).states(), TypeError, "box");
  }
}, cpu);

onEachBackend("each parameter is one tensor under its own path", () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.LayerNorm(3));
  for (const state of Object.values(model.states(ParamState))) {
    assertInstanceOf(state.value, tf.Tensor);
  }
  assertEquals(Object.keys(model.states(ParamState)), [
    "layers.0.weight",
    "layers.0.bias",
    "layers.1.weight",
    "layers.1.bias",
  ]);
}, cpu);

onEachBackend(
  "BatchNorm without tracking normalizes, and statistics keep their shape",
  async () => {
    const x = tf.tensor2d([[1, 10], [3, 30]]);
    const norm = new nn.BatchNorm0d(2, { trackRunningStats: false });
    for (const fit of [true, false]) {
      const y = environ.context({ fit }, () => norm.call(x));
      await assertClose(y, tf.tensor2d([[-1, -1], [1, 1]]), 1e-4, `fit ${fit}`);
    }
    const tracking = new nn.BatchNorm2d(3);
    environ.context(
      { fit: true },
      () => tracking.call(random.normal([2, 4, 4, 3])),
    );
    assertEquals(tracking.runningMean!.shape, [3]);
  },
  cpu,
);

onEachBackend("an aux of another length than two throws", () => {
  const loss = () =>
    [tf.scalar(1), 2, 3] as unknown as readonly [tf.Scalar, number];
  const layer = new nn.Linear(1, 1);
  assertThrows(
    () =>
      autodiff.grad(loss, { states: layer.states(ParamState), hasAux: true })(),
    TypeError,
  );
}, cpu);

onEachBackend("defaults are the same throughout", async () => {
  const x = tf.ones<tf.Rank.R4>([1, 4, 4, 2]);
  for (const pool of [new nn.MaxPool2d(2), new nn.AvgPool2d(2)]) {
    assertEquals(pool.call(x).shape, [1, 2, 2, 2]);
  }
  const points = tf.linspace(-3, 3, 7);
  await assertClose(nn.gelu(points), new nn.GELU().call(points), 0, "gelu");
  assert(new nn.Conv2d(1, 1, 1).bias !== null);
  assert(new nn.Linear(1, 1).bias !== null);
}, cpu);

onEachBackend("sizes that do not fit throw when the model is built", () => {
  const error = assertThrows(
    () => new nn.Sequential(new nn.Linear(2, 3), nn.relu, new nn.Linear(4, 1)),
    RangeError,
  );
  for (const part of ["[4]", "[3]", "layers.2"]) {
    assert(error.message.includes(part), error.message);
  }
}, cpu);

onEachBackend("running statistics are among what is saved", () => {
  assertEquals(Object.keys(nn.stateDict(new nn.BatchNorm1d(2))), [
    "weight",
    "bias",
    "runningMean",
    "runningVar",
  ]);
}, cpu);

onEachBackend("records with any kind of key are walked", () => {
  class Net extends nn.Module {
    readonly parts: Record<string | number, nn.Module> = {
      b: new nn.Linear(1, 1, { bias: false }),
      7: new nn.Linear(1, 1, { bias: false }),
    };
    override update() {}
  }
  assertEquals(Object.keys(new Net().states()), [
    "parts.7.weight",
    "parts.b.weight",
  ]);
}, cpu);

onEachBackend("a metric computed before an update throws", async () => {
  const metrics: nn.Metric<never[], unknown>[] = [
    new nn.AverageMetric(),
    new nn.WelfordMetric(),
    new nn.MeanAbsoluteErrorMetric(),
    new nn.MeanSquaredErrorMetric(),
    new nn.R2ScoreMetric(),
    new nn.PerplexityMetric(),
    new nn.AccuracyMetric(),
    new nn.PrecisionMetric(2),
    new nn.RecallMetric(2),
    new nn.F1ScoreMetric(2),
    new nn.ConfusionMatrix(2),
    new nn.AUCMetric(),
    new nn.MultiMetric({ average: new nn.AverageMetric() }),
  ];
  for (const metric of metrics) {
    await assertRejects(() => metric.compute(), Error, "updated first");
  }
}, cpu);

onEachBackend("a resumed stream goes on where it was saved", async () => {
  // Checkpoints of model, optimizer and randomness together: tests/checkpoint.
  const dropout = new nn.Dropout({ random: new random.RandomState(3) });
  const x = tf.ones([50]);
  const call = () => environ.context({ fit: true }, () => dropout.call(x));
  call();
  const saved = structuredClone(dropout.random!.value);
  const first = call();
  dropout.random!.value = saved;
  await assertClose(call(), first, 0, "mask");
}, cpu);

onEachBackend(
  "errors are TypeErrors and RangeErrors that say what is wrong",
  () => {
    assertThrows(
      () => new nn.Linear(0, 1),
      RangeError,
      "Cannot create Linear: inSize",
    );
    assertThrows(
      () => new nn.Embedding(3, 2).call(tf.ones([2])),
      TypeError,
      "Cannot call Embedding: indices must have dtype int32",
    );
  },
  cpu,
);

onEachBackend(
  "momentum is the share kept, and the variance is biased",
  async () => {
    const norm = new nn.BatchNorm0d(1, { momentum: 0.75 });
    const x = tf.tensor2d([[0], [4]]); // mean 2, biased variance 4, unbiased 8
    environ.context({ fit: true }, () => norm.call(x));
    await assertClose(
      norm.runningMean!.value,
      tf.tensor1d([0.5]),
      1e-6,
      "mean",
    );
    await assertClose(
      norm.runningVar!.value,
      tf.tensor1d([0.75 + 1]),
      1e-6,
      "variance",
    );
  },
  cpu,
);

onEachBackend("calling an embedding writes no state", async () => {
  const embedding = new nn.Embedding(4, 2);
  const before = tf.clone(embedding.weight.value);
  const { weight } = embedding;
  const held = weight.value;
  embedding.call(tf.tensor1d([1, 2], "int32"));
  assert(weight.value === held);
  await assertClose(weight.value, before, 0, "weight");
}, cpu);
