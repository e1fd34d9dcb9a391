/** A table of passengers, as pandas writes it: who survived? */
import {
  data,
  nn,
  optim,
  ParamState,
  random,
  saveCheckpoint,
  train,
  useBackend,
} from "@braintape/braintape";
import { makeModel } from "./model.ts";

await useBackend();
random.seed(1);

const table = await data.readCsv("passengers.csv");
const encoder = data.TableEncoder.fit(table, {
  inputs: ["Pclass", "Sex", "Age", "Fare", "Embarked"],
  target: "Survived",
  categories: {
    Survived: "index",
    Pclass: "oneHot",
    Sex: "oneHot",
    Embarked: "oneHot",
  },
  standardize: true,
  onMissing: { Age: "mean", Embarked: "unknown" },
});
console.log(encoder.features.join(" "));
const [learn, test] = encoder.apply(table).split(0.75);

const model = makeModel(encoder.features.length);
const { values, log } = await train.fit({
  model,
  optimizer: new optim.AdamW({ lr: 0.01 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x, y) =>
    nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
  data: data.batches(learn, { batchSize: 32, shuffle: true }),
  validation: data.batches(test, { batchSize: 100 }),
  metrics: {
    accuracy: new nn.AccuracyMetric(),
    f1: new nn.F1ScoreMetric(2),
    confusion: new nn.ConfusionMatrix(2),
  },
  epochs: 10,
  callbacks: [train.progressBar()],
});
console.log(`accuracy ${values.accuracy} f1 ${values.f1}`);
console.log(`confusion ${log.evaluations.at(-1)!.matrices!.confusion}`);
await saveCheckpoint("model.braintape", { model });
await Deno.writeTextFile("encoder.json", JSON.stringify(encoder));
