/** `fit` and `evaluate`, compiled and as they are: every bit is equal. */
import { assert, assertEquals } from "@std/assert";
import {
  type AnyState,
  data,
  nn,
  optim,
  ParamState,
  random,
  State,
  tf,
  train,
} from "../../mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";

const only = { only: ["wasm"] } as const;
const replaying = { only: ["wasm", "webgpu"] } as const;

type B = [x: tf.Tensor2D, y: tf.Tensor2D];
type Options = Partial<train.FitOptions<B>>;

/** 46 examples; the x of those in `bad` are no numbers. */
function examples(bad: readonly number[]) {
  const x = Float32Array.from({ length: 46 * 4 }, (_, i) => Math.sin(i));
  const y = Float32Array.from({ length: 46 * 2 }, (_, i) => Math.cos(3 * i));
  for (const i of bad) x.fill(NaN, 4 * i, 4 * i + 4);
  return [data.column(x, [4]), data.column(y, [2])] as const;
}

/** A model with running statistics and random numbers, and all to train it. */
function setUp(bad: readonly number[] = []) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(4, 6),
    new nn.BatchNorm0d(6),
    new nn.Dropout<tf.Tensor2D>({ rate: 0.3 }),
    new nn.Linear(6, 2),
  );
  const loss = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x) as tf.Tensor2D, y));
  const params = model.states(ParamState);
  const columns = examples(bad);
  return {
    model,
    loss,
    params,
    optimizer: new optim.AdamW({
      lr: new optim.CosineAnnealingLR({ baseLr: 0.02, tMax: 60 }),
    }).registerTrainableWeights(params) as optim.Optimizer,
    data: data.batches([...columns], {
      batchSize: 4,
      shuffle: bad.length === 0,
    }),
    validation: data.batches([...examples([])], { batchSize: 16 }),
  };
}

type Scene = ReturnType<typeof setUp>;

/** Of its steps only the gradient is replayed. */
const inPart = (params: Scene["params"]) =>
  new optim.Optimizer({ tx: optim.accumulate(optim.muon(), 2), lr: 0.01 })
    .registerTrainableWeights(params);

/** Its steps are replayed whole, but for each third. */
const soap = (params: Scene["params"]) =>
  new optim.Soap({ lr: 0.01, preconditionFrequency: 3 })
    .registerTrainableWeights(params) as unknown as optim.Optimizer;

/** Its steps are replayed whole. */
const muon = (params: Scene["params"]) =>
  new optim.Muon({
    lr: new optim.CosineAnnealingLR({ baseLr: 0.02, tMax: 60 }),
  }).registerTrainableWeights(params) as unknown as optim.Optimizer;

/** The contents of a tensor, as text that shows every bit. */
async function bits(x: tf.Tensor): Promise<string> {
  return `${new Uint32Array((await x.data()).slice().buffer)}`;
}

/** What states hold, as text that shows every bit. */
async function contents(
  states: Readonly<Record<string, AnyState>>,
): Promise<string[]> {
  const lines: string[] = [];
  for (const [path, { value }] of Object.entries(states)) {
    const isTensor = value instanceof tf.Tensor;
    lines.push(
      `${path} ${isTensor ? await bits(value) : JSON.stringify(value)}`,
    );
  }
  return lines;
}

/** The slots of an optimizer, as text that shows every bit. */
async function slotsOf(optimizer: optim.Optimizer): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, tensors] of Object.entries(optimizer.optState.slots)) {
    for (const [path, x] of Object.entries(tensors)) {
      lines.push(`${name} ${path} ${await bits(x)}`);
    }
  }
  return lines;
}

/** All that a run leaves but times. */
async function run(
  options: (scene: Scene) => Options,
  isCompiled: boolean,
  bad: readonly number[] = [],
) {
  const before = tf.memory().numTensors;
  const scene = setUp(bad), { params: _, ...base } = scene;
  const all = { ...base, steps: 60, ...options(scene) };
  const result = await train.fit<B>({ ...all, compile: isCompiled });
  const { optimizer, model } = all;
  const { steps, evaluations } = result.log;
  const left = {
    step: result.step,
    reason: result.reason,
    skipped: result.skipped,
    values: result.values,
    steps: steps.map(({ time: _, rate: __, ...record }) => record),
    evaluations: evaluations.map(({ time: _, ...record }) => record),
    states: await contents(model.states(State)),
    random: random.default.value,
    count: optimizer.stepCount,
    lr: optimizer.getLastLr(),
    slots: await slotsOf(optimizer),
  };
  scene.optimizer.dispose();
  optimizer.dispose();
  all.average?.dispose();
  for (const state of Object.values(model.states(State))) state.dispose();
  assertEquals(tf.memory().numTensors, before);
  return { left, compiled: result.compiled };
}

/** Options of runs, and how many of the calls are replayed at least. */
const RUNS: Readonly<
  Record<string, readonly [(scene: Scene) => Options, replayed: number]>
> = {
  "one batch a step": [() => ({}), 45],
  "a norm logged every third step": [() => ({ logEvery: 3 }), 40],
  "clipping by norm": [() => ({ gradClipNorm: 0.5 }), 45],
  "clipping by value": [() => ({ gradClipValue: 0.01 }), 45],
  "losses that are not looked at": [() => ({ nan: "ignore" }), 45],
  "three batches a step": [() => ({ accumulate: 3, steps: 20 }), 45],
  "three batches a step, clipped and not looked at": [
    () => ({ accumulate: 3, steps: 20, gradClipNorm: 0.5, nan: "ignore" }),
    45,
  ],
  "an exponential average": [
    ({ params }) => ({ average: new train.ExponentialMovingAverage(params) }),
    40,
  ],
  "a stochastic average": [
    ({ params }) => ({
      average: new train.StochasticWeightAverage(params, {
        start: 20,
        every: 3,
      }),
    }),
    40,
  ],
  "evaluations with metrics": [
    ({ model }) => ({
      evaluateEvery: 7,
      metrics: {
        first: (x, y) =>
          tf.mean<tf.Scalar>(tf.sub(model.call(x) as tf.Tensor2D, y)),
      },
    }),
    45,
  ],
  "schedulers after epochs": [() => ({ schedule: "epoch" }), 45],
  "a line search": [
    ({ params }) => ({
      steps: 8,
      optimizer: new optim.LBFGS({ linesearch: "zoom" })
        .registerTrainableWeights(params) as unknown as optim.Optimizer,
    }),
    4,
  ],
  "an optimizer that decides in JavaScript": [
    ({ params }) => ({ optimizer: inPart(params) }),
    30,
  ],
  "an optimizer that computes on the host in some steps": [
    ({ params }) => ({ optimizer: soap(params) }),
    30,
  ],
  "an optimizer that is not elementwise": [
    ({ params }) => ({ optimizer: muon(params), gradClipNorm: 0.5 }),
    45,
  ],
  "an optimizer that is not elementwise, of three batches a step": [
    ({ params }) => ({ optimizer: muon(params), accumulate: 3, steps: 20 }),
    45,
  ],
  "parameters frozen in between": [
    ({ model }) => ({
      callbacks: [{
        onStep({ step }) {
          if (step === 20) nn.freeze(model, "layers.0");
          if (step === 40) nn.unfreeze(model, "layers.0");
        },
      }],
    }),
    35,
  ],
  "clones kept in between": [
    ({ params }) => {
      let kept: tf.Tensor | undefined;
      const [weight] = Object.values(params);
      return {
        callbacks: [{
          onStep({ step }) {
            kept?.dispose();
            kept = step % 5 ? undefined : tf.keep(tf.clone(weight!.value));
          },
          onEnd: () => kept?.dispose(),
        }],
      };
    },
    30,
  ],
};

const { warn } = console;

/** Run `fn` without warnings. */
async function quietly(fn: () => Promise<void>): Promise<void> {
  console.warn = () => {};
  try {
    await fn();
  } finally {
    console.warn = warn;
  }
}

for (const [name, [options, replayed]] of Object.entries(RUNS)) {
  const test = () =>
    quietly(async () => {
      const eager = await run(options, false);
      const { left, compiled } = await run(options, true);
      assertEquals(left, eager.left);
      assert(compiled!.replayed >= replayed, JSON.stringify(compiled));
    });
  const title = `fit() leaves the same when compiled: ${name}`;
  const isTaken = FULL || name.includes("batches") || name.includes("average");
  onEachBackend(title, test, isTaken ? replaying : only);
  if (FULL) onEachBackend(title, test, { ...only, threads: 2 });
}

onEachBackend("fit() leaves the same after 200 compiled steps", async () => {
  const options = () => ({ steps: 200, gradClipNorm: 1, evaluateEvery: 50 });
  const eager = await run(options, false);
  const { left, compiled } = await run(options, true);
  assertEquals(left, eager.left);
  assert(compiled!.replayed >= 180, JSON.stringify(compiled));
}, only);

for (const nan of ["stop", "skip", "ignore"] as const) {
  for (const accumulate of [1, 3]) {
    // While the first step is recorded, the second, in the first replays, and later.
    for (const bad of [[0], [5], [9], [14, 15, 30], [44]]) {
      onEachBackend(
        `a loss that is not finite is met with nan: "${nan}" when compiled (examples ${bad}, ${accumulate} batches a step)`,
        async () => {
          const options = () => ({ nan, accumulate, steps: 40 });
          const eager = await run(options, false, bad);
          const { left } = await run(options, true, bad);
          assertEquals(left, eager.left);
          assertEquals(left.skipped > 0, nan === "skip");
        },
        FULL && nan === "skip" ? replaying : only,
      );
    }
  }
}

for (
  const [what, make] of [["only the gradient", inPart], ["Soap", soap], [
    "Muon",
    muon,
  ]] as const
) {
  for (const nan of ["stop", "skip"] as const) {
    onEachBackend(
      `a loss that is not finite is met with nan: "${nan}" when ${what} is replayed`,
      () =>
        quietly(async () => {
          for (const bad of [[0], [5], [14, 30], [44]]) {
            const options = ({ params }: Scene): Options => ({
              nan,
              steps: 40,
              optimizer: make(params),
            });
            const eager = await run(options, false, bad);
            const { left, compiled } = await run(options, true, bad);
            assertEquals(left, eager.left);
            if (nan === "stop") continue; // perhaps at once
            assert(compiled!.replayed > 15, JSON.stringify(compiled));
            assertEquals(compiled!.reason !== undefined, make === inPart);
          }
        }),
      FULL ? replaying : only,
    );
  }
}

onEachBackend(
  "fit({ compile: true }) tells each reason once where nothing can be replayed",
  async () => {
    const told: string[] = [];
    console.warn = (text: string) => told.push(text);
    try {
      const { compiled } = await run(
        () => ({ steps: 4, evaluateEvery: 2, logEvery: 2 }),
        true,
      );
      assertEquals(compiled?.replayed, 0);
    } finally {
      console.warn = warn;
    }
    assertEquals(told, [
      "Cannot compile: the backend is cpu, which cannot replay",
    ]);
  },
  { only: ["cpu"] },
);

onEachBackend("a compiled fit() leaves no tensor and no memory", async () => {
  const backend = tf.backend() as unknown as { numDataIds(): number };
  const counts: number[][] = [];
  for (let i = 0; i < 3; i++) {
    const { params: _, ...scene } = setUp(), { model, optimizer } = scene;
    await train.fit<B>({ ...scene, epochs: 3, compile: true });
    optimizer.dispose();
    for (const state of Object.values(model.states(State))) state.dispose();
    counts.push([tf.memory().numTensors, backend.numDataIds()]);
  }
  assertEquals(counts[1], counts[0]);
  assertEquals(counts[2], counts[0]);
}, only);

for (const [accumulate, name] of [[1, "AdamW"], [2, "AdamW"], [1, "Muon"]]) {
  onEachBackend(
    `a compiled run that is stopped and resumed ends with the bits of one that is not (${name}, ${accumulate} batches a step)`,
    async () => {
      const base = ({ params }: Scene) => ({
        accumulate: Number(accumulate),
        ...name === "Muon" && { optimizer: muon(params) },
      });
      const eager = await run(base, false);
      await inFolder(async (folder) => {
        const options = (steps: number) => (scene: Scene) => ({
          ...base(scene),
          checkpoint: { folder, every: 7 },
          resume: true,
          steps,
        });
        await run(options(25), true);
        const { left } = await run(options(60), true);
        assertEquals(left.states, eager.left.states);
        assertEquals(left.slots, eager.left.slots);
        assertEquals(left.random, eager.left.random);
      });
    },
    only,
  );
}

onEachBackend("evaluate() measures the same when compiled", async () => {
  const { model, loss, validation, optimizer } = setUp();
  const measures = {
    loss,
    large: (x: tf.Tensor2D) =>
      tf.mean<tf.Scalar>(tf.greater(model.call(x) as tf.Tensor2D, 0)),
  };
  const plain = await train.evaluate<B, typeof measures>(validation, measures);
  const before = tf.memory().numTensors;
  const compiled = await train.evaluate<B, typeof measures>(
    validation,
    measures,
    { compile: true },
  );
  assertEquals(compiled, plain);
  assertEquals(tf.memory().numTensors, before);
  optimizer.dispose();
  for (const state of Object.values(model.states(State))) state.dispose();
}, only);
