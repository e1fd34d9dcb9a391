/** What each runtime runs: it trains, saves, loads, and prints what it saw as JSON. */
import { readdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import {
  loadCheckpoint,
  nn,
  optim,
  ParamState,
  random,
  saveCheckpoint,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";

const [backend, threads] = process.argv.slice(2);
const options = backend === "wasm" ? { threads: Number(threads) } : {};
const info = await useBackend(backend, options);
random.seed(1);
const points = await random.uniform([400, 2], { min: -1, max: 1 }).data();
const labels = Int32Array.from(
  { length: 400 },
  (_, i) => Number(Math.hypot(points[2 * i], points[2 * i + 1]) < 0.7),
);
const data = new train.Dataset([
  train.column(points, [2]),
  train.column(labels),
]);
const model = new nn.Sequential(
  new nn.Linear(2, 32),
  nn.relu,
  new nn.Linear(32, 2),
);
const run = (options) =>
  train.fit({
    model,
    optimizer: new optim.AdamW({ lr: 0.01 })
      .registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) =>
      nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
    data: train.batches(data, { batchSize: 32, shuffle: true }),
    compile: backend === "wasm",
    callbacks: [train.progressBar(), train.jsonLines("log.jsonl")],
    ...options,
  });
const { log } = await run({ epochs: 3, checkpoint: { folder: "run" } });

const weights = async () =>
  (await Promise.all(
    Object.values(model.states(ParamState)).map(({ value }) => value.data()),
  )).flatMap((values) => [...values]);
const before = await weights();
await saveCheckpoint("model.braintape", { model });
for (const state of Object.values(model.states(ParamState))) {
  state.value = tf.zerosLike(state.value);
}
await loadCheckpoint("model.braintape", { model });

const message = async (fn) => {
  try {
    return await fn();
  } catch (error) {
    return error.message;
  }
};
writeFileSync("table.csv", "a,b\n1,2\n");
console.log(JSON.stringify({
  threads: info.threads,
  losses: log.steps.map(({ loss }) => loss),
  isLoaded: JSON.stringify(await weights()) === JSON.stringify(before),
  files: readdirSync("run").sort(),
  csv: await message(async () => (await train.readCsv("table.csv")).columns),
  missing: await message(() => train.readText("missing.csv")),
  folder: await message(() => train.readText("run")),
  occupied: await message(() =>
    run({ epochs: 1, checkpoint: { folder: "run" } })
  ),
}));
