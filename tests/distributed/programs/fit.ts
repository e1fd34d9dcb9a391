// fit() on some ranks: a network with dropout and running statistics, on data in parts.
// The argument is JSON: see Options.
import { mpi } from "../../../distributed/mod.ts";
import { communicatorOf } from "../../../distributed/world.ts";
import {
  autodiff,
  BatchState,
  environ,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "../../../mod.ts";
import { hashOf } from "./_hash.ts";

interface Options {
  readonly backend?: "cpu" | "wasm" | "webgpu";
  readonly precision?: "full" | "mixed";
  /** The rank whose gradients are infinite, and at which steps. */
  readonly overflow?: { readonly rank: number; readonly steps: number[] };
  readonly folder?: string;
  readonly steps?: number;
  readonly compile?: boolean;
  readonly accumulate?: number;
  /** The rank that kills itself, and at which step. */
  readonly kill?: { readonly rank: number; readonly step: number };
  /** The rank that asks to stop, and at which step. */
  readonly stop?: { readonly rank: number; readonly step: number };
  /** The rank whose loss throws, and at which step. */
  readonly fail?: { readonly rank: number; readonly step: number };
  /** The rank whose loss is NaN, and at which step. */
  readonly nan?: { readonly rank: number; readonly step: number };
  readonly unsharded?: boolean;
  /** Whether each rank takes the part of the first one. */
  readonly samePart?: boolean;
  /** The option evaluateEvery of each rank. */
  readonly evaluateEvery?: readonly number[];
  /** Whether a callback of the first rank throws when the run has ended. */
  readonly failAtEnd?: boolean;
  readonly inOrder?: boolean;
  readonly plain?: boolean;
  /** Whether it has a large parameter, used by two layers. */
  readonly wide?: boolean;
  readonly overlap?: boolean;
  readonly average?: boolean;
  readonly shardOptimizer?: boolean;
  readonly diloco?: { readonly every: number };
  /** A class of optimizers. */
  readonly rule?: keyof typeof rules;
  /** Whether the model has an embedding whose vectors are bounded. */
  readonly bounded?: boolean;
}
const rules = {
  AdamW: () =>
    new optim.AdamW({
      lr: new optim.CosineAnnealingLR({ baseLr: 1e-2, tMax: 200 }),
    }),
  Adafactor: () => new optim.Adafactor({ lr: 1e-2 }),
  Lamb: () => new optim.Lamb({ lr: 1e-2 }),
  Lion: () => new optim.Lion({ lr: 1e-3 }),
  Lookahead: () =>
    new optim.Lookahead({ baseOptimizer: new optim.Adam({ lr: 1e-2 }) }),
  GaLore: () => new optim.GaLore({ rank: 1 }),
  Muon: () => new optim.Muon({ lr: 1e-2 }),
  Sam: () => new optim.Sam({ baseOptimizer: new optim.SGD({ lr: 1e-2 }) }),
  Soap: () => new optim.Soap({ lr: 1e-2 }),
  ScheduleFreeAdamW: () =>
    new optim.ScheduleFreeAdamW() as unknown as optim.Optimizer,
  SM3: () => new optim.SM3({ lr: 1e-2 }),
  Mars: () => new optim.Mars({ lr: 1e-2 }),
  Cautious: () =>
    new optim.Cautious({ baseOptimizer: new optim.Adam({ lr: 1e-2 }) }),
  Accumulated: () =>
    new optim.Optimizer({ tx: optim.accumulate(optim.adamw(), 2), lr: 1e-2 }),
  Noisy: () =>
    new optim.Optimizer({
      tx: optim.chain(optim.addGradientNoise(), optim.momentum()),
      lr: 1e-2,
    }),
  Guarded: () =>
    new optim.Optimizer({ tx: optim.skipNonFinite(optim.adamw()), lr: 1e-2 }),
  Clipped: () => new optim.AdamW({ lr: 1e-2, gradClipNorm: 1 }),
  Prodigy: () => new optim.Prodigy(),
};
const given: Options = JSON.parse(Deno.args[0] ?? "{}");
const { backend = "wasm", folder, steps = 60, inOrder = false } = given;
const { precision = "full" } = given;
await useBackend(backend, { threads: 1, precision });
const { overlap = false } = given;
const world = mpi({ timeout: 20, inOrder, overlap });
const { rank, size, shard } = world;
/** How many sums were started in backward passes. */
let early = 0;
const ranks = communicatorOf(world), { startSum } = ranks;
ranks.startSum = (row) => {
  early++;
  return startSum.call(ranks, row);
};
random.seed(5 + rank); // all start with what rank 0 has

const EXAMPLES = 520;
const points = Float32Array.from(
  { length: 2 * EXAMPLES },
  (_, i) => Math.sin(i * i * 0.7),
);
const labels = Int32Array.from(
  { length: EXAMPLES },
  (_, i) => +(Math.hypot(points[2 * i]!, points[2 * i + 1]!) < 0.8),
);
const large = new nn.Linear(256, 256);
const layers = given.wide
  ? [
    new nn.Linear(2, 256),
    nn.relu,
    large,
    nn.relu,
    new nn.Linear(256, 256),
    nn.relu,
    large,
    nn.relu,
    new nn.Linear(256, 2),
  ]
  : given.plain
  ? [new nn.Linear(2, 64), nn.relu, new nn.Linear(64, 2)]
  : [
    new nn.Linear(2, 64),
    new nn.BatchNorm0d(64),
    nn.relu,
    new nn.Dropout({ rate: 0.2 }),
    new nn.Linear(64, 2),
  ];
const model = new nn.Sequential(...layers as [nn.Linear]);
if (given.bounded) {
  Object.assign(model, { table: new nn.Embedding(4, 2, { maxNorm: 1 }) });
}
const params = model.states(ParamState);
const optimizer = rules[given.rule ?? "AdamW"]()
  .registerTrainableWeights(params);

const calls: string[] = [];
/** How often the loss was computed for a gradient. */
let gradients = 0;
/** A number with an infinite gradient. */
const steep = autodiff.customGradient((x: tf.Scalar) => ({
  value: tf.clone(x),
  gradient: (dy: tf.Scalar) => tf.mul(dy, Infinity),
}));
const isAt = (event: { rank: number; step: number } | undefined) =>
  event?.rank === rank && optimizer.stepCount === event.step;
const controller = new AbortController();
const columns = [train.column(points, [2]), labels] as const;
const parts = given.unsharded
  ? {}
  : { shard: given.samePart ? { ...shard, index: 0 } : shard };
const average = given.average
  ? { average: new train.ExponentialMovingAverage(params, { decay: 0.9 }) }
  : {};
const before = tf.memory().numTensors;
try {
  const result = await train.fit({
    world,
    model,
    optimizer,
    loss: (x: tf.Tensor2D, y: tf.Tensor1D) => {
      if (isAt(given.kill)) Deno.kill(Deno.pid, "SIGKILL");
      if (isAt(given.fail)) throw new Error(`a bug of rank ${rank}`);
      if (isAt(given.stop)) controller.abort();
      const scores = model.call(x);
      const loss = nn.softmaxCrossEntropy(scores, y, { reduction: "mean" });
      const isTraining = environ.fit;
      if (given.overflow?.rank === rank && isTraining) {
        if (given.overflow.steps.includes(gradients++)) return steep(loss);
      }
      return isAt(given.nan) ? tf.mul<tf.Scalar>(loss, NaN) : loss;
    },
    data: train.batches(columns, { batchSize: 32, shuffle: true, ...parts }),
    validation: train.batches(columns, { batchSize: 50, ...parts }),
    steps,
    evaluateEvery: given.evaluateEvery?.[rank] ?? 20,
    signal: controller.signal,
    compile: given.compile ?? false,
    accumulate: given.accumulate ?? 1,
    shardOptimizer: given.shardOptimizer ?? false,
    ...(given.diloco ? { diloco: given.diloco } : {}),
    ...(given.rule === "Sam" ? {} : { gradClipNorm: 5 }),
    ...average,
    ...(folder ? { checkpoint: { folder, every: 10 }, resume: true } : {}),
    callbacks: [{
      onEvaluation: (run, { values }) => {
        calls.push(`${run.step}: ${values["loss"]}`);
      },
      onCheckpoint: (_, path) => {
        calls.push(path.split("/").at(-1)!);
      },
      onEnd: () => {
        if (given.failAtEnd) throw new Error("a full disk");
      },
    }],
  });
  const tensors = tf.memory().numTensors - before;
  const slots = Object.values(optimizer.optState.slots)
    .flatMap((of) => Object.values(of));
  const statistics = Object.values(model.states(BatchState));
  console.log(JSON.stringify({
    rank,
    size,
    tensors,
    step: result.step,
    skipped: result.skipped,
    reason: result.reason,
    early,
    values: result.values,
    params: await hashOf(Object.values(params).map(({ value }) => value)),
    ...(given.shardOptimizer || given.diloco
      ? {}
      : { slots: await hashOf(slots) }),
    elements: slots.reduce((sum, { size }) => sum + size, 0),
    statistics: await hashOf(statistics.map(({ value }) => value as tf.Tensor)),
    stream: random.default.value,
    calls,
    programs: result.compiled?.programs.length,
  }));
} catch (error) {
  console.log(JSON.stringify({ rank, error: (error as Error).message }));
}
