/**
 * A head for new classes on a trained body: frozen for two epochs, then trained more
 * slowly than the head, and without decay of biases and norms.
 */
import {
  data,
  loadCheckpoint,
  nn,
  optim,
  ParamState,
  random,
  saveCheckpoint,
  train,
  useBackend,
} from "@braintape/braintape";

await useBackend();
random.seed(3);

const makeModel = (classes: number) =>
  new nn.Sequential(
    new nn.Sequential(
      new nn.Linear(16, 64),
      new nn.BatchNorm0d(64),
      nn.relu,
      new nn.Linear(64, 32),
      nn.relu,
    ),
    new nn.Linear(32, classes),
  );

/** Rows of numbers, and classes by the sum of the first four. */
async function examples(count: number, classOf: (sum: number) => number) {
  const rows = await random.normal([count, 16]).data();
  const labels = Int32Array.from({ length: count }, (_, i) => {
    const [a, b, c, d] = rows.subarray(16 * i);
    return classOf(a! + b! + c! + d!);
  });
  return new data.Dataset([data.column(rows, [16]), data.column(labels)]);
}
const quarter = (sum: number) =>
  Math.min(3, Math.max(0, Math.floor(sum / 2) + 2));
const isPositive = (sum: number) => +(sum > 0);

const first = makeModel(4);
await train.fit({
  model: first,
  optimizer: new optim.AdamW({ lr: 0.005 })
    .registerTrainableWeights(first.states(ParamState)),
  loss: (x, y) =>
    nn.softmaxCrossEntropy(first.call(x), y, { reduction: "mean" }),
  data: data.batches(await examples(3000, quarter), { batchSize: 50 }),
  epochs: 3,
});
await saveCheckpoint("first.braintape", { model: first });

const model = makeModel(2);
const { mismatched } = await loadCheckpoint("first.braintape", { model }, {
  strict: false,
});
console.log(`begin anew: ${mismatched.map(({ path }) => path).join(" ")}`);

const [head, vectors, body] = model.states(
  (path, state) => state instanceof ParamState && path.startsWith("layers.1."),
  (_, state) => state instanceof ParamState && state.shape.length < 2,
  ParamState,
);
const optimizer = new optim.AdamW({
  lr: new optim.CosineAnnealingLR({ baseLr: 1e-3, tMax: 100 }),
  weightDecay: 0.05,
})
  .registerTrainableWeights(body)
  .addParamGroup(vectors, { weightDecay: 0 })
  .addParamGroup(head, { lr: 1e-2 });

nn.freeze(model, "layers.0");
const weight = model.states(ParamState)["layers.0.layers.0.weight"]!;
const start = await weight.value.data();
const { values } = await train.fit({
  model,
  optimizer,
  loss: (x, y) =>
    nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
  data: data.batches(await examples(320, isPositive), {
    batchSize: 32,
    shuffle: true,
  }),
  validation: data.batches(await examples(400, isPositive)),
  metrics: { accuracy: new nn.AccuracyMetric() },
  epochs: 8,
  callbacks: [train.progressBar(), {
    async onEpoch({ epoch }) {
      const now = await weight.value.data();
      const moved = now.some((value, i) => value !== start[i]);
      const rates = optimizer.paramGroups.map(({ lr }) => lr.toPrecision(3));
      console.log(`epoch ${epoch}: body moved ${moved}, rates ${rates}`);
      if (epoch === 2) nn.unfreeze(model, "layers.0");
    },
  }],
});
console.log(`accuracy ${values.accuracy}`);
