/** A run that may be killed at any time: start it again, and it continues. */
import {
  data,
  nn,
  optim,
  ParamState,
  random,
  train,
  useBackend,
} from "@braintape/braintape";

await useBackend();
random.seed(7);
const points = await random.normal([1600, 8]).data();
const targets = Float32Array.from({ length: 1600 }, (_, i) => {
  const [a, b, c, d] = points.subarray(8 * i);
  return Math.sin(a!) + b! * c! - d!;
});
const [learn, test] = new data.Dataset([
  data.column(points, [8]),
  data.column(targets, [1]),
]).split(0.8);

const model = new nn.Sequential(
  new nn.Linear(8, 64),
  nn.gelu,
  new nn.Dropout({ rate: 0.1 }),
  new nn.Linear(64, 1),
);
const [folder = "run"] = Deno.args;
const { values, step } = await train.fit({
  model,
  optimizer: new optim.AdamW({
    lr: new optim.CosineAnnealingLR({ baseLr: 0.01, tMax: 400 }),
  }).registerTrainableWeights(model.states(ParamState)),
  loss: (x, y) => nn.squaredError(model.call(x), y, { reduction: "mean" }),
  data: data.batches(learn, { batchSize: 32, shuffle: true }),
  validation: data.batches(test, { batchSize: 320 }),
  epochs: 10,
  checkpoint: { folder, every: 7 },
  resume: true,
  callbacks: [train.progressBar(), train.jsonLines(`${folder}.jsonl`)],
});
console.log(`${step} steps, loss ${values.loss}`);
