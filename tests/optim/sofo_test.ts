/** SOFO and SOFOScan: against float64 (`scripts/golden/sofo.py`), and what they solve. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { loadCheckpoint, saveCheckpoint } from "../../checkpoint.ts";
import { Linear, softmaxCrossEntropy } from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { RandomState } from "../../random.ts";
import { BatchState, ParamState, type States } from "../../state.ts";
import { scope } from "../../memory.ts";
import { findLr, fit, step } from "../../train/mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import golden from "../golden/sofo.json" with { type: "json" };

/** The same numbers as `wave` in scripts/golden/sofo.py. */
function wave(shape: readonly number[], seed: number): tf.Tensor {
  const size = shape.reduce((m, n) => m * n, 1);
  const values = Float32Array.from(
    { length: size },
    (_, i) => Math.sin(seed + 1.7 * i + 0.3 * i * i),
  );
  return tf.tensor(values, [...shape]);
}

/** The directions of the reference: parameter `j` has the seed `10 step + j`. */
function waves(params: States, count: number, step: number) {
  return Object.fromEntries(
    Object.entries(params).map(([name, { shape }], j) => [
      name,
      wave([count, ...shape], 10 * step + j),
    ]),
  );
}

class Given extends optim.SOFO {
  protected override drawTangents(params: States, count: number) {
    return waves(params, count, this.stepCount + 1);
  }
}

class GivenScan extends optim.SOFOScan {
  protected override drawTangents(params: States, count: number) {
    return waves(params, count, this.stepCount + 1);
  }
}

const MLP = { w1: [3, 4], b1: [4], w2: [4, 2], b2: [2] };
const RNN = { wx: [2, 3], wh: [3, 3], b: [3], wo: [3, 2] };

function parameters(shapes: Readonly<Record<string, readonly number[]>>) {
  return scope(() =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape], j) => [
        name,
        new ParamState(tf.mul(0.5, wave(shape, 3 + j))),
      ]),
    )
  );
}

const mse = (z: tf.Tensor, y: tf.Tensor) =>
  tf.mean<tf.Scalar>(tf.squaredDifference(z, y));
const crossEntropy = (z: tf.Tensor, y: tf.Tensor) =>
  tf.mean<tf.Scalar>(softmaxCrossEntropy(z as tf.Tensor2D, y as tf.Tensor1D));

function mlp(p: States) {
  const value = (name: string) => p[name]!.value as tf.Tensor;
  return (x: tf.Tensor) => {
    const h = tf.tanh(tf.add(tf.matMul(x, value("w1")), value("b1")));
    return tf.add(tf.matMul(h, value("w2")), value("b2"));
  };
}

function cell(p: States) {
  const value = (name: string) => p[name]!.value as tf.Tensor;
  return (h: tf.Tensor, x: tf.Tensor) => {
    const sum = tf.add(tf.matMul(x, value("wx")), tf.matMul(h, value("wh")));
    const next = tf.tanh(tf.add(sum, value("b")));
    return [next, tf.matMul(next, value("wo"))] as const;
  };
}

const never = () => {
  throw new Error("it must not be called");
};

interface Run {
  readonly params: Record<string, ParamState>;
  readonly optimizer: optim.Optimizer<optim.ForwardModeOptions> & Disposable;
  readonly step: () => Promise<number>;
  dispose(): void;
}

/** A problem of the reference, with its directions or random ones. */
function begin(name: string, problem: string, options: object): Run {
  const isScan = name === "SOFOScan";
  const params = parameters(isScan ? RNN : MLP);
  const isGiven = !("random" in options);
  const data = isScan
    ? [
      scope(() => tf.mul(0.1, wave([3, 3], 6))),
      wave([4, 3, 2], 4),
      wave([4, 3, 2], 5),
    ] as const
    : problem === "ce"
    ? [wave([6, 3], 1), tf.tensor1d([0, 1, 1, 0, 1, 0], "int32")] as const
    : [wave([6, 3], 1), wave([6, 2], 2)] as const;
  const SOFO = isGiven ? Given : optim.SOFO;
  const Scan = isGiven ? GivenScan : optim.SOFOScan;
  const optimizer = isScan
    ? new Scan({ rnnCell: cell(params), lossFn: mse, ...options })
    : new SOFO({
      model: mlp(params),
      lossFn: problem === "ce" ? crossEntropy : mse,
      ...options,
    });
  optimizer.registerTrainableWeights(params);
  return {
    params,
    optimizer: optimizer as unknown as Run["optimizer"],
    step: () =>
      (optimizer.step as (...args: readonly unknown[]) => Promise<number>)
        .apply(optimizer, [...data]),
    dispose() {
      optimizer.dispose();
      tf.dispose([...data]);
      for (const param of Object.values(params)) param.dispose();
    },
  };
}

for (const test of golden.cases) {
  onEachBackend(
    `${test.class} follows float64 with ${JSON.stringify(test.options)}`,
    async () => {
      await assertNoLeak(async () => {
        const run = begin(test.class, test.problem, test.options);
        for (const [k, expected] of test.losses.entries()) {
          assertAlmostEquals(await run.step(), expected, 1e-4 * (1 + expected));
          const values =
            (test.steps as Record<string, Record<string, number[]>>)[
              k + 1
            ];
          for (const [name, xs] of Object.entries(values ?? {})) {
            const actual = await numbers(run.params[name]!.value as tf.Tensor);
            xs.forEach((x, i) =>
              assertAlmostEquals(actual[i]!, x, 1e-4 * (1 + Math.abs(x)))
            );
          }
        }
        run.dispose();
      });
    },
  );
}

const SCENES: Readonly<Record<string, readonly [unknown, unknown, object?]>> = {
  lr: [0.1, 0.2],
  gradClipNorm: [null, 0.1],
  gradClipValue: [null, 0.01],
  weightDecay: [0, 0.5],
  decayMask: [undefined, /w1/, { weightDecay: 0.5 }],
  loss: ["mse", "ce"],
  tangentSize: [4, 5],
  damping: [1e-5, 1],
  momentum: [0, 0.9],
  nesterov: [false, true, { momentum: 0.9 }],
};

for (const [option, [a, b, others]] of Object.entries(SCENES)) {
  onEachBackend(`SOFO: ${option} makes a difference`, async () => {
    const ends: number[][] = [];
    for (const value of [a, b]) {
      const run = begin("SOFO", "mse", {
        lr: 0.1,
        tangentSize: 6,
        ...others,
        [option]: value,
      });
      for (let i = 0; i < 3; i++) await run.step();
      ends.push(await numbers(run.params["w1"]!.value as tf.Tensor));
      run.dispose();
    }
    assertNotEquals(ends[0], ends[1]);
  }, { only: ["cpu"] });
}

onEachBackend(
  "with as many directions as parameters, a step of rate 1 solves least squares",
  async () => {
    const model = new Linear(3, 2);
    const x = wave([8, 3], 1), truth = wave([3, 2], 9);
    const y = scope(() =>
      tf.add(tf.matMul(x, truth), tf.tensor1d([0.5, -0.2]))
    );
    using optimizer = new optim.SOFO({
      model: (x: tf.Tensor) => model.call(x as tf.Tensor2D),
      lossFn: mse, // for two outputs the mean over samples of ½ Σ (z - y)²
      lr: 1,
      tangentSize: 60,
      damping: 1e-6,
      random: new RandomState(3),
    }).registerTrainableWeights(model.states(ParamState));
    assert(await optimizer.step(x, y) > 0.1);
    const want = await numbers(truth), got = await numbers(model.weight.value);
    want.forEach((w, i) => assertAlmostEquals(got[i]!, w, 2e-3));
    assert(await optimizer.step(x, y) < 1e-5);
    tf.dispose([x, y, truth]);
    model.dispose();
  },
);

/** Remember the sign that was seen first, and tell it when asked. */
onEachBackend("SOFOScan learns to remember over a delay", async () => {
  const time = 8, batch = 16, hidden = 12;
  const stream = new RandomState(11);
  const layer = new Linear(hidden + 2, hidden, { random: stream });
  const out = new Linear(hidden, 1, { random: stream });
  const signs = Float32Array.from({ length: batch }, (_, i) => i % 2 ? 1 : -1);
  const inputs = scope(() =>
    tf.stack(Array.from({ length: time }, (_, t) =>
      tf.stack([
        t === 0 ? tf.tensor1d(signs) : tf.zeros([batch]),
        tf.fill([batch], t === time - 1 ? 1 : 0),
      ], 1)))
  );
  const targets = scope(() =>
    tf.stack(
      Array.from({ length: time }, (_, t) =>
        tf.reshape(t === time - 1 ? tf.tensor1d(signs) : tf.zeros([batch]), [
          batch,
          1,
        ])),
    )
  );
  using optimizer = new optim.SOFOScan<tf.Tensor>({
    rnnCell: (h: tf.Tensor, x: tf.Tensor) => {
      const both = tf.concat2d([h as tf.Tensor2D, x as tf.Tensor2D], 1);
      const next = tf.tanh<tf.Tensor2D>(layer.call(both));
      return [next, out.call(next)] as const;
    },
    lossFn: mse,
    lr: 0.3,
    tangentSize: 40,
    random: stream,
  }).registerTrainableWeights({
    ...layer.states(ParamState),
    out: out.weight,
    outBias: out.states(ParamState)["bias"]!,
  });
  const start: tf.Tensor = tf.zeros([batch, hidden]);
  let loss = Infinity;
  for (let i = 0; i < 25; i++) {
    loss = await optimizer.step(start, inputs, targets);
  }
  assert(loss < 0.005, `the loss is ${loss}`); // 0.125 without memory
  tf.dispose([inputs, targets, start]);
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "SOFO saved, loaded and continued equals itself uninterrupted",
  async () => {
    await assertNoLeak(async () => {
      const make = (random: RandomState) =>
        begin("SOFO", "mse", {
          lr: 0.1,
          tangentSize: 4,
          momentum: 0.9,
          random,
        });
      const streams = [new RandomState(5), new RandomState(0)] as const;
      const whole = make(streams[0]), second = make(streams[1]);
      for (let i = 0; i < 3; i++) await whole.step();
      const saved = whole.optimizer.stateDict();
      second.optimizer.loadStateDict(saved);
      streams[1].value = streams[0].value;
      for (const [name, param] of Object.entries(second.params)) {
        param.value = whole.params[name]!.value;
      }
      for (const slot of Object.values(saved.slots)) {
        tf.dispose(Object.values(slot));
      }
      const losses: number[][] = [];
      for (let i = 0; i < 3; i++) {
        losses.push([await whole.step(), await second.step()]);
      }
      for (const [a, b] of losses) assertEquals(a, b);
      for (const name of Object.keys(whole.params)) {
        assertEquals(
          await numbers(second.params[name]!.value as tf.Tensor),
          await numbers(whole.params[name]!.value as tf.Tensor),
        );
      }
      whole.dispose();
      second.dispose();
    });
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "a checkpoint continues SOFO, the stream of its directions included",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const parts = (run: Run, random: RandomState) => ({
        model: run.params,
        optimizer: run.optimizer,
        random,
      });
      const make = (random: RandomState) =>
        begin("SOFO", "mse", {
          lr: 0.1,
          tangentSize: 4,
          momentum: 0.9,
          random,
        });
      const streams = [new RandomState(5), new RandomState(0)] as const;
      const whole = make(streams[0]), second = make(streams[1]);
      for (let i = 0; i < 3; i++) await whole.step();
      await saveCheckpoint(`${folder}/sofo`, parts(whole, streams[0]));
      for (let i = 0; i < 3; i++) await whole.step();
      await loadCheckpoint(`${folder}/sofo`, parts(second, streams[1]));
      for (let i = 0; i < 3; i++) await second.step();
      for (const name of Object.keys(whole.params)) {
        assertEquals(
          await numbers(second.params[name]!.value as tf.Tensor),
          await numbers(whole.params[name]!.value as tf.Tensor),
        );
      }
      whole.dispose();
      second.dispose();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "groups have rates of their own, frozen parameters stay, states are kept",
  async () => {
    const params = parameters(MLP);
    const { w1, b1, w2, b2 } = params;
    const calls = new BatchState(tf.scalar(0));
    const predict = mlp(params);
    using optimizer = new optim.SOFO({
      model: (x: tf.Tensor) => {
        calls.value = tf.add(calls.value, 1);
        return predict(x);
      },
      lossFn: mse,
      lr: 0.1,
      tangentSize: 4,
    }).registerTrainableWeights({ w1: w1!, b1: b1! })
      .addParamGroup({ w2: w2! }, { lr: 0 })
      .addParamGroup({ b2: b2! }, { momentum: 0.5 });
    b1!.frozen = true;
    const x = wave([6, 3], 1), y = wave([6, 2], 2);
    const before = await Promise.all(
      [w1, b1, w2, b2].map((p) => numbers(p!.value as tf.Tensor)),
    );
    await optimizer.step(x, y);
    await optimizer.update(x, y);
    const after = await Promise.all(
      [w1, b1, w2, b2].map((p) => numbers(p!.value as tf.Tensor)),
    );
    assertNotEquals(after[0], before[0]);
    assertEquals(after[1], before[1]);
    assertEquals(after[2], before[2]);
    assertNotEquals(after[3], before[3]);
    assertEquals(await numbers(calls.value), [2]); // the model runs once a step
    assertEquals(optimizer.stepCount, 2);
    assertThrows(
      () => optimizer.addParamGroup({ calls }, { tangentSize: 3 }),
      TypeError,
      "Cannot add a group to SOFO: tangentSize must be left out, since the direction is one of all groups",
    );
    tf.dispose([x, y]);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "what SOFO cannot do is refused, and changes nothing",
  async () => {
    const params = parameters(MLP);
    const make = (options: object = {}) =>
      new optim.SOFO({
        model: mlp(params),
        lossFn: mse,
        lr: 0.1,
        tangentSize: 4,
        ...options,
      }).registerTrainableWeights(params);
    const wrong: [object, string][] = [
      [{ model: 3 }, "model must be a module or a function"],
      [{ lossFn: null }, "lossFn must be a function"],
      [{ loss: "mae" }, 'loss must be one of "mse", "ce"'],
      [{ tangentSize: 0 }, "tangentSize must be a positive integer"],
      [{ damping: -1 }, "damping must be a nonnegative finite number"],
      [{ nesterov: true }, "momentum must be above 0 with nesterov"],
      [{ random: 3 }, "random must be a RandomState"],
      [{ lossFn: undefined }, "lossFn must be given"],
      [{ rnnCell: 3 }, 'there is no option "rnnCell"'],
    ];
    for (const [options, message] of wrong) {
      const error = assertThrows(() => make(options), Error);
      assert(error.message.startsWith("Cannot create SOFO: "), error.message);
      assert(error.message.includes(message), error.message);
    }
    const before = await numbers(params["w1"]!.value as tf.Tensor);
    await assertNoLeak(async () => {
      using optimizer = make();
      const unnamed = optimizer as unknown as optim.Optimizer;
      const x = wave([6, 3], 1), y = wave([6, 2], 2);
      assertThrows(
        () => unnamed.step({ w1: x }),
        TypeError,
        "it takes no gradients, since it computes its direction itself: await optimizer.step(inputs, targets)",
      );
      assertThrows(
        () => unnamed.step({ w1: x }, { keep: true }),
        TypeError,
        "it takes no gradients",
      );
      const nan = scope(() => tf.mul(x, NaN));
      await assertRejects(
        () => optimizer.step(nan, y),
        RangeError,
        "Cannot step SOFO: the loss and its derivatives must be finite: the loss is NaN",
      );
      using flat = make({
        model: (x: tf.Tensor) => tf.sum(mlp(params)(x), 1),
      });
      await assertRejects(
        () => flat.step(x, y),
        RangeError,
        "what the model returns must be of rank 2, [samples, outputs]",
      );
      using none = new optim.SOFO({ model: mlp(params), lossFn: mse });
      await assertRejects(
        () => none.step(x, y),
        Error,
        "call registerTrainableWeights(params) first",
      );
      using scan = new optim.SOFOScan({
        rnnCell: (h: tf.Tensor) => [h, h] as const,
        lossFn: mse,
      });
      const signs = tf.zeros([6]);
      await assertRejects(
        () => scan.step(x, x, signs),
        RangeError,
        "Cannot step SOFOScan: targets must be of [time, batch, ...]",
      );
      for (
        const train of [
          () => fit({ optimizer: unnamed, loss: never, data: [], epochs: 1 }),
          () => findLr({ optimizer: unnamed, loss: never, data: [] }),
          () => Promise.resolve(step(never, unnamed)),
        ]
      ) {
        await assertRejects(
          async () => void await train(),
          TypeError,
          "the optimizer must take gradients, and SOFO runs the model itself: take its steps in a loop of your own, with await optimizer.step(...)",
        );
      }
      tf.dispose([x, y, nan, signs]);
    });
    assertEquals(await numbers(params["w1"]!.value as tf.Tensor), before);
  },
  { only: ["cpu"] },
);
