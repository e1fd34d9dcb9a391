/** A convolutional network: augmentation, early stopping, TensorBoard, checkpoints. */
import {
  data,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { digits } from "./digits.ts";
import { makeModel } from "./model.ts";

await useBackend();
random.seed(1);
const load = (count: number, seed: number) => {
  const { pixels, labels } = digits(count, seed);
  const images = data.column(pixels, [12, 12, 1]);
  return new data.Dataset([images, data.column(labels)]);
};

const model = makeModel();
const { reason, epoch, values } = await train.fit({
  name: "digits",
  model,
  optimizer: new optim.AdamW({ lr: 0.005 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x, y) =>
    nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
  data: data.batches(load(1000, 1), {
    batchSize: 50,
    shuffle: true,
    map: (x, y) => [tf.div(data.randomShift(x, { max: 1 }), 255), y],
  }),
  validation: data.batches(load(200, 2), {
    batchSize: 100,
    map: (x, y) => [tf.div(x, 255), y],
  }),
  metrics: { accuracy: new nn.AccuracyMetric() },
  epochs: 30,
  compile: true,
  checkpoint: {
    folder: "run",
    best: { monitor: "accuracy" },
    restoreBest: true,
  },
  callbacks: [
    train.progressBar(),
    train.earlyStopping({ monitor: "accuracy", patience: 3 }),
    train.tensorBoard("tensorboard/digits"),
  ],
});
console.log(`${epoch} epochs: ${reason}`);
console.log(`best accuracy ${values.accuracy}`);
