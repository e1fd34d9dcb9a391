import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { encodeCheckpoint, loadCheckpoint } from "../../checkpoint.ts";
import { useBackend } from "../../backend/mod.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState, type States, values } from "../../state.ts";
import type { Callback, FitOptions, StepRecord } from "../../train/mod.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";

type XY = [tf.Tensor2D, tf.Tensor1D];

/** Two noisy classes, half of them for validation. */
function data(batchSize = 8, state = new random.RandomState(7)) {
  const count = 64;
  const noise = random.withSeed(3, () => new random.RandomState(3));
  const words = noise.words(2 * count);
  const points = Float32Array.from(
    words,
    (w, i) => w / 2 ** 32 + (i >> 1) % 2 * 0.9,
  );
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const [learn, check] = new train.Dataset([
    train.column(points, [2]),
    train.column(labels),
  ]).split(32);
  return {
    learn: train.batches(learn, { batchSize, shuffle: true, random: state }),
    check: train.batches(check, { batchSize: 13 }),
    state,
  };
}

/** A small classifier and the options to fit it. */
function setup(
  batchSize?: number,
  optimizer: optim.Optimizer = new optim.AdamW({ lr: 0.05 }),
): FitOptions<XY> & { model: nn.Sequential; data: train.Batches<XY> } {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(2, 8),
    nn.tanh,
    new nn.Linear(8, 2),
  );
  const { learn, check, state } = data(batchSize);
  return {
    model,
    optimizer: optimizer.registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) =>
      tf.mean<tf.Scalar>(
        nn.softmaxCrossEntropy(model.call(x) as tf.Tensor2D, y),
      ),
    data: learn as train.Batches<XY>,
    validation: check as train.Batches<XY>,
    metrics: {
      accuracy: (x, y) =>
        tf.mean<tf.Scalar>(
          tf.cast(
            tf.equal(tf.argMax(model.call(x) as tf.Tensor2D, 1), y),
            "float32",
          ),
        ),
    },
    random: { shuffle: state },
    epochs: 3,
  };
}

async function weights(model: nn.Module): Promise<number[]> {
  const all: number[] = [];
  for (
    const value of Object.values(values(model.states(ParamState) as States))
  ) {
    all.push(...await value.data() as Float32Array);
  }
  return all;
}

function dispose({ model, optimizer }: FitOptions<XY>) {
  optimizer.dispose();
  for (const state of Object.values(model!.states(ParamState))) state.dispose();
}

/** The text without colors and commands to the terminal. */
function plainText(line: string): string {
  return line.split("\x1b[").map((part, i) =>
    i === 0 ? part : part.replace(/^[\d;]*[mK]/, "")
  ).join("");
}

/** A clock that stands still. */
class FakeTime {
  asked = 0;
  readonly #now = Date.now;
  constructor() {
    Date.now = () => ++this.asked && 0;
  }
  [Symbol.dispose]() {
    Date.now = this.#now;
  }
}

onEachBackend("fit() learns, logs and leaves no tensor behind", async () => {
  const before = tf.memory().numTensors;
  const options = setup();
  const held = tf.memory().numTensors;
  const result = await train.fit({ ...options, epochs: 10, logEvery: 3 });
  assertEquals([result.step, result.epoch, result.reason], [40, 10, "done"]);
  assertEquals(
    result.log.steps.map((r) => r.step),
    [...Array.from({ length: 13 }, (_, i) => 3 * (i + 1)), 40],
  );
  assertEquals(
    result.log.evaluations.map((r) => r.step),
    Array.from({ length: 10 }, (_, i) => 4 * (i + 1)),
  );
  assertEquals(result.values, {
    ...result.log.evaluations.at(-1)!.values,
    trainingLoss: result.log.steps.at(-1)!.loss,
  });
  assert(result.values.accuracy! > 0.9, String(result.values.accuracy));
  assert(result.log.steps.at(-1)!.loss < result.log.steps[0]!.loss / 2);
  assert(
    result.log.steps.every((r) =>
      r.gradNorm! > 0 && r.rate > 0 && r.lr === 0.05
    ),
  );
  const slots = 2 * 4;
  assert(tf.memory().numTensors <= held + slots, "no more than the slots");
  dispose(options);
  assertEquals(tf.memory().numTensors, before);
});

onEachBackend(
  "step() in a loop gives the losses of fit()",
  async () => {
    const options = setup();
    const losses: number[] = [];
    const callback: Callback = {
      onLog: (_, { loss }) => void losses.push(loss),
    };
    await train.fit({ ...options, logEvery: 1, callbacks: [callback] });
    dispose(options);

    const again = setup();
    const step = train.step(again.loss, again.optimizer);
    const own: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      for (const [x, y] of again.data) {
        const loss = step(x, y);
        again.optimizer.lrScheduler.step();
        own.push((await loss.data())[0]!);
        loss.dispose();
      }
    }
    dispose(again);
    assertEquals(own, losses);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "step() leaves nothing but the loss, also over 50 steps and after a throw",
  () => {
    const options = setup();
    let fail = false;
    const step = train.step((x: tf.Tensor2D, y: tf.Tensor1D) => {
      const loss = options.loss(x, y);
      if (fail) throw new Error("inside");
      return loss;
    }, options.optimizer);
    const [x, y] = [
      tf.ones<tf.Rank.R2>([4, 2]),
      tf.tensor1d([0, 1, 0, 1], "int32"),
    ];
    step(x, y).dispose();
    step(x, y).dispose();
    const held = tf.memory().numTensors;
    for (let i = 0; i < 50; i++) step(x, y).dispose();
    assertEquals(tf.memory().numTensors, held);
    fail = true;
    try {
      step(x, y);
    } catch (error) {
      assertStringIncludes((error as Error).message, "inside");
    }
    assertEquals(tf.memory().numTensors, held);
    tf.dispose([x, y]);
    dispose(options);
  },
  { only: ["cpu", "wasm"], eager: "a flag of JavaScript makes its loss throw" },
);

onEachBackend(
  "accumulating 4 batches of 8 equals one batch of 32",
  async () => {
    const trained: number[][] = [];
    for (const [batchSize, accumulate] of [[8, 4], [32, 1], [12, 3]] as const) {
      const options = setup(batchSize, new optim.SGD({ lr: 0.5 }));
      const { step } = await train.fit({
        ...options,
        accumulate,
        epochs: 5,
        nan: "ignore",
      });
      assertEquals(step, 5);
      trained.push(await weights(options.model));
      dispose(options);
    }
    for (const other of trained.slice(1)) {
      trained[0]!.forEach((w, i) => assertAlmostEquals(w, other[i]!, 1e-5));
    }
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend("fit() clips gradients by norm and by value", async () => {
  const options = setup(32, new optim.SGD({ lr: 1 }));
  for (
    const [clip, limit] of [[{ gradClipNorm: 1e-3 }, 1e-3], [
      { gradClipValue: 1e-4 },
      1e-4,
    ]] as const
  ) {
    const before = await weights(options.model);
    await train.fit({ ...options, ...clip, epochs: 1, logEvery: 1 });
    const moved = (await weights(options.model)).map((w, i) =>
      Math.abs(w - before[i]!)
    );
    const size = "gradClipNorm" in clip
      ? Math.hypot(...moved)
      : Math.max(...moved);
    assertAlmostEquals(size, limit, limit / 100);
  }
  dispose(options);
}, { only: ["cpu"] });

onEachBackend(
  "schedulers are stepped after steps, epochs or evaluations",
  async () => {
    const rates = async (
      lr: optim.LRScheduler,
      rest: Partial<FitOptions<XY>> = {},
    ): Promise<number[]> => {
      const options = setup(16, new optim.SGD({ lr }));
      const { log } = await train.fit({ ...options, logEvery: 1, ...rest });
      dispose(options);
      return log.steps.map((r: StepRecord) => r.lr);
    };
    const halving = () =>
      new optim.StepLR({ baseLr: 1, stepSize: 1, gamma: 0.5 });
    assertEquals(await rates(halving()), [
      1,
      0.5,
      0.25,
      0.125,
      0.0625,
      0.03125,
    ]);
    assertEquals(await rates(halving(), { schedule: "epoch" }), [
      1,
      1,
      0.5,
      0.5,
      0.25,
      0.25,
    ]);
    assertEquals(await rates(halving(), { schedule: () => "never" }), [
      1,
      1,
      1,
      1,
      1,
      1,
    ]);
    const plateau = new optim.ReduceLROnPlateau({
      baseLr: 1,
      factor: 0.1,
      patience: 1,
      threshold: 10,
    });
    const cut = await rates(plateau, { epochs: 4 });
    assertEquals([cut[0], cut.at(-1)], [1, 0.1]);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "fit() stops early, by callback, time, steps, signal and for a quick run",
  async () => {
    const end = async (rest: Partial<FitOptions<XY>>) => {
      const options = setup();
      const { epochs: _, ...open } = options;
      const result = await train.fit({ ...open, ...rest });
      dispose(options);
      return [result.step, result.epoch, result.reason];
    };
    assertEquals(await end({ steps: 6 }), [6, 1, "done"]);
    assertEquals(await end({ steps: 8 }), [8, 2, "done"]);
    assertEquals(await end({ epochs: 9, fastDevRun: true }), [1, 0, "done"]);
    assertEquals(await end({ fastDevRun: 3 }), [3, 0, "done"]);
    const still = train.earlyStopping({ minDelta: 100, patience: 2 });
    assertEquals(await end({ epochs: 9, callbacks: [still] }), [
      12,
      3,
      "no better loss in 2 evaluations",
    ]);
    const stop: Callback = {
      onStep: (run) => run.step === 5 ? run.stop("enough") : undefined,
    };
    assertEquals(await end({ epochs: 9, callbacks: [stop] }), [5, 1, "enough"]);
    assertEquals((await end({ timeLimit: 0.05 }))[2], "time limit");
    assertEquals(await end({ signal: AbortSignal.abort() }), [1, 0, "aborted"]);
    assertEquals(await end({ epochs: 2, overfitBatches: 1 }), [2, 2, "done"]);
  },
  { only: ["cpu"] },
);

onEachBackend("fit() checks its options before anything changes", async () => {
  const options = setup();
  const { epochs: _, ...open } = options;
  const wrong: [Partial<FitOptions<XY>>, string][] = [
    [{}, "something must end it"],
    [{ epochs: 0 }, "epochs must be a positive integer: current value is 0"],
    [{ epochs: 1, accumulate: 1.5 }, "accumulate must be"],
    [{ epochs: 1, gradClipNorm: 0 }, "gradClipNorm must be a positive number"],
    [{ epochs: 1, resume: true }, "checkpoint must say where"],
    [{ epochs: 1, data: [] }, "the data must give a batch"],
    [
      { epochs: 1, optimizer: new optim.Adam() },
      "the optimizer must have parameters: give them with registerTrainableWeights",
    ],
    [
      { epochs: 1, callbacks: [train.earlyStopping({ monitor: "f1" })] },
      "one of loss, accuracy",
    ],
  ];
  const before = tf.memory().numTensors;
  for (const [rest, message] of wrong) {
    await assertRejects(() => train.fit({ ...open, ...rest }), Error, message);
  }
  assert(tf.memory().numTensors <= before + 8);
  dispose(options);
}, { only: ["cpu"] });

onEachBackend(
  "a loss that is not finite ends training before its step, and is saved",
  async (backend) => {
    const folder = await Deno.makeTempDir();
    const options = setup();
    let calls = 0;
    const loss = (x: tf.Tensor2D, y: tf.Tensor1D) => {
      const fit = environ.get("fit");
      const scale = fit && ++calls === 6 ? NaN : 1;
      return tf.mul<tf.Scalar>(options.loss(x, y), scale);
    };
    const result = await train.fit({
      ...options,
      loss,
      checkpoint: { folder },
      logEvery: 2,
    });
    assertEquals(result.failed?.loss, NaN);
    assertEquals(result.failed?.step, 5);
    assertEquals(result.reason, "the loss of step 6 is NaN");
    if (backend !== "webgpu") {
      assert((await weights(options.model)).every(Number.isFinite));
      const { data } = await loadCheckpoint(result.failed!.path!, {
        batch: [] as { shape: number[] }[],
      });
      assertEquals(data.batch.map(({ shape }) => shape), [[8, 2], [8]]);
    }
    dispose(options);
    await Deno.remove(folder, { recursive: true });
  },
  { eager: "its loss counts its calls in JavaScript" },
);

onEachBackend(
  "a run resumed in the middle of an epoch ends with the same bits",
  async () => {
    const folder = await Deno.makeTempDir();
    const make = () =>
      setup(
        5,
        new optim.AdamW({
          lr: new optim.OneCycleLR({ maxLr: 0.1, totalSteps: 21 }),
        }),
      );
    const straight = make();
    const whole = await train.fit({
      ...straight,
      logEvery: 4,
      callbacks: [train.jsonLines(`${folder}/a.jsonl`)],
    });
    const expected = await weights(straight.model);
    dispose(straight);

    const checkpoint = { folder: `${folder}/c`, every: 5 };
    const killed = make();
    const die: Callback = {
      onStep: ({ step }) => {
        if (step === 13) throw new Error("killed");
      },
    };
    await assertRejects(
      () =>
        train.fit({
          ...killed,
          logEvery: 4,
          checkpoint,
          callbacks: [train.jsonLines(`${folder}/b.jsonl`), die],
        }),
      Error,
      "killed",
    );
    dispose(killed);

    const resumed = make();
    random.seed(99); // the checkpoint brings the right one back
    const rest = await train.fit({
      ...resumed,
      logEvery: 4,
      checkpoint,
      resume: true,
      callbacks: [train.jsonLines(`${folder}/b.jsonl`)],
    });
    assertEquals(await weights(resumed.model), expected);
    assertEquals(rest.values, whole.values);
    const plain = (log: train.RunLog) =>
      log.steps.map(({ step, epoch, loss, lr, gradNorm }) => ({
        step,
        epoch,
        loss,
        lr,
        gradNorm,
      }));
    assertEquals(plain(rest.log), plain(whole.log));
    assertEquals(
      plain(await train.readRunLog(`${folder}/b.jsonl`)),
      plain(whole.log),
    );
    // Resuming what is done does nothing.
    const done = await train.fit({ ...resumed, checkpoint, resume: true });
    assertEquals(done.step, 21);
    dispose(resumed);
    await Deno.remove(folder, { recursive: true });
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend("the best checkpoint is kept and restored", async () => {
  const folder = await Deno.makeTempDir();
  const options = setup();
  let best: number[] = [];
  const spoil: Callback = {
    async onEvaluation(run) {
      if (run.epoch === 1) best = await weights(options.model);
    },
    onStep(run) {
      if (run.step <= 4) return;
      for (const state of Object.values(options.model.states(ParamState))) {
        tf.tidy(() => state.value = tf.mul(state.value, 3));
      }
    },
  };
  await train.fit({
    ...options,
    epochs: 4,
    callbacks: [spoil],
    checkpoint: { folder, keepLast: 1, best: true, restoreBest: true },
  });
  assertEquals(await weights(options.model), best);
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  assertEquals(names, [
    "history.jsonl",
    "step-000000004.braintape",
    "step-000000016.braintape",
  ]);
  dispose(options);
  await Deno.remove(folder, { recursive: true });
}, { only: ["cpu"] });

onEachBackend(
  "logs are written, and the progress bar shows step, rate, losses and metrics",
  async () => {
    const folder = await Deno.makeTempDir();
    const options = setup();
    let text = "";
    const bar = (isTerminal: boolean, color: boolean) =>
      train.progressBar({
        interval: 0,
        output: {
          isTerminal,
          color,
          columns: 140,
          write: (t) => void (text += t),
        },
      });
    await train.fit({
      ...options,
      logEvery: 2,
      name: "small",
      callbacks: [
        bar(true, true),
        train.csvLog(`${folder}/deep/log.csv`),
        train.tensorBoard(`${folder}/events`),
        train.report(`${folder}/report.html`, {
          boundary: () =>
            train.decisionBoundary(
              (x) => options.model.call(x) as tf.Tensor,
              Float32Array.of(0, 0, 1, 1),
              [0, 1],
              8,
            ),
        }),
      ],
    });
    assertStringIncludes(text, "epoch 3/3");
    assertStringIncludes(text, "12/12");
    assertMatch(text, /it\/s.*loss .*lr 0.05.*val loss .*accuracy/);
    assertStringIncludes(text, "\x1b[32m");
    assert(
      text.split("\r").every((line) => plainText(line).trimEnd().length <= 140),
    );
    assertEquals(text.endsWith("\n"), true);
    text = "";
    await train.fit({ ...options, callbacks: [bar(false, true)] });
    assertEquals(text.split("\n").length, 4, text); // an evaluation after each epoch
    assert(!text.includes("\x1b") && !text.includes("\r"));
    const csv = await train.readCsv(`${folder}/deep/log.csv`);
    assertEquals(csv.rows.length, 6 + 3);
    const page = await Deno.readTextFile(`${folder}/report.html`);
    for (
      const part of ["small", "Loss", "Accuracy", "Decision boundary"]
    ) assertStringIncludes(page, part);
    const [events] = Array.from(Deno.readDirSync(`${folder}/events`));
    assert((await Deno.stat(`${folder}/events/${events!.name}`)).size > 1000);
    dispose(options);
    await Deno.remove(folder, { recursive: true });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "findLr() suggests a rate and leaves every state as it was",
  async () => {
    const options = setup(
      8,
      new optim.AdamW({
        lr: new optim.OneCycleLR({ maxLr: 0.1, totalSteps: 50 }),
      }),
    );
    await train.fit({ ...options, epochs: 1 });
    const parts = {
      model: options.model,
      optimizer: options.optimizer,
      random: random.default,
      data: options.data,
    };
    const before = tf.memory().numTensors;
    using time = new FakeTime(); // a checkpoint holds the time of its making
    const bytes = await encodeCheckpoint(parts);
    const { lrs, losses, suggestion } = await train.findLr({
      ...options,
      steps: 60,
      maxLr: 100,
    });
    assertEquals(await encodeCheckpoint(parts), bytes);
    assert(time.asked > 0);
    assertEquals(tf.memory().numTensors, before);
    assertEquals(lrs.length, losses.length);
    assert(
      losses.length > 5 && losses.length < 60,
      "it stops where the loss diverges",
    );
    assert(suggestion > 1e-4 && suggestion < 10, String(suggestion));
    assertStringIncludes(
      train.lrChart({ lrs, losses, suggestion }),
      "learning rate",
    );
    await assertRejects(
      () => train.findLr({ ...options, minLr: 0 }),
      RangeError,
      "minLr",
    );
    await assertRejects(
      () => train.findLr({ ...options, data: [] }),
      RangeError,
      "a batch",
    );
    dispose(options);
  },
  { only: ["cpu"] },
);

onEachBackend("averages of weights follow their rules", async () => {
  const run = async (
    make: (states: States) => train.WeightAverage,
  ): Promise<number> => {
    const w = scope(() => new ParamState(tf.scalar(1)));
    using average = make({ w });
    for (const value of [3, 5, 4, 8, 2]) {
      scope(() => {
        w.value = tf.scalar(value);
      });
      average.update();
    }
    average.swap();
    const mean = (await w.value.data())[0]!;
    average.swap();
    assertEquals([...await w.value.data()], [2]);
    w.dispose();
    return mean;
  };
  const before = tf.memory().numTensors;
  // ((((1·.9 + 3·.1)·.9 + 5·.1)·.9 + 4·.1)·.9 + 8·.1)·.9 + 2·.1, as torch's get_ema_avg_fn(0.9)
  assertAlmostEquals(
    await run((w) =>
      new train.ExponentialMovingAverage(w, { decay: 0.9, warmup: false })
    ),
    2.39582,
    1e-5,
  );
  // decays 1/10, 2/11, 3/12, 4/13, 5/14: those of tf.train.ExponentialMovingAverage
  const warm = [3, 5, 4, 8, 2].reduce(
    (mean, x, n) => mean + (1 - (1 + n) / (10 + n)) * (x - mean),
    1,
  );
  assertAlmostEquals(
    await run((w) => new train.ExponentialMovingAverage(w)),
    warm,
    1e-5,
  );
  assertAlmostEquals(
    await run((w) => new train.StochasticWeightAverage(w)),
    22 / 5,
    1e-5,
  );
  assertAlmostEquals(
    await run((w) =>
      new train.StochasticWeightAverage(w, { start: 1, every: 2 })
    ),
    (5 + 8) / 2,
    1e-5,
  );
  assertEquals(
    await run((w) => new train.StochasticWeightAverage(w, { start: 9 })),
    2,
  );
  assertEquals(tf.memory().numTensors, before);
});

onEachBackend(
  "fit() evaluates averaged weights, resumes them, and leaves them in place",
  async () => {
    const folder = await Deno.makeTempDir();
    const trained = async (rest: Partial<FitOptions<XY>>, steps: number) => {
      const options = setup();
      using average = new train.ExponentialMovingAverage(
        options.model.states(ParamState),
        { decay: 0.8 },
      );
      const { epochs: _, ...open } = options;
      const result = await train.fit({ ...open, steps, average, ...rest });
      const after = await weights(options.model);
      const measured = await train.evaluate(options.validation!, {
        loss: options.loss,
      });
      dispose(options);
      return { after, loss: result.values.loss, measured: measured.loss };
    };
    const straight = await trained({}, 10);
    assertEquals(straight.loss, straight.measured);
    const checkpoint = { folder };
    await trained({ checkpoint }, 7);
    assertEquals(
      (await trained({ checkpoint, resume: true }, 10)).after,
      straight.after,
    );
    await Deno.remove(folder, { recursive: true });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "20 steps give the losses of cpu, and the same bits twice",
  async (backend) => {
    const losses = async () => {
      const options = setup();
      const { epochs: _, ...open } = options;
      const { log } = await train.fit({ ...open, steps: 20, logEvery: 1 });
      dispose(options);
      return log.steps.map(({ loss }) => loss);
    };
    const own = await losses();
    assertEquals(await losses(), own);
    await useBackend("cpu");
    (await losses()).forEach((loss, i) =>
      assertAlmostEquals(own[i]!, loss, 1e-4, `${backend}, step ${i + 1}`)
    );
  },
);

onEachBackend(
  "fit() holds as many tensors at step 1,000 as at step 2",
  async () => {
    const options = setup();
    const { epochs: _, validation: _validation, ...open } = options;
    const held: number[] = [];
    const count: Callback = {
      onStep: ({ step }) => {
        // Without what the log waits for: step 2 and 1,002 are alike in that.
        if (step === 2 || step === 1002) held.push(tf.memory().numTensors);
      },
    };
    await train.fit({ ...open, steps: 1002, callbacks: [count] });
    assertEquals(held[0], held[1]);
    dispose(options);
  },
  { only: ["wasm"] },
);

onEachBackend("every callback is told of the end, once", async () => {
  for (const last of [0, 1]) {
    const told = [0, 0];
    const callbacks = told.map((_, i) => ({
      onEnd() {
        told[i]!++;
        if (i === last) throw new Error("broken");
      },
    }));
    const options = setup();
    await assertRejects(
      () => train.fit({ ...options, steps: 1, callbacks }),
      Error,
      "broken",
    );
    assertEquals(told, [1, 1]);
    dispose(options);
  }
});
