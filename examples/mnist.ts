/**
 * Handwritten digits, by a perceptron or a small convolutional network.
 *
 * ```sh
 * deno run -A examples/mnist.ts --model cnn --data-dir DIR
 * ```
 *
 * Without `--data-dir` the files are downloaded once, checked and kept in
 * `--cache`.
 */
import {
  environ,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
} from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { downloadMnist } from "./_mnist.ts";
import { accuracy, printEnd, RUN_OPTIONS, startRun } from "./_run.ts";

function perceptron(): nn.Sequential {
  return new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(784, 256),
    nn.relu,
    new nn.Linear(256, 128),
    nn.relu,
    new nn.Linear(128, 10),
  );
}

/** Two convolutions with pooling, normalized, then a dense layer with dropout. */
function convolutional(): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(1, 16, 3),
    new nn.BatchNorm2d(16, { momentum: 0.9 }),
    nn.relu,
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 32, 3),
    new nn.BatchNorm2d(32, { momentum: 0.9 }),
    nn.relu,
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout({ rate: 0.25 }),
    new nn.Linear(7 * 7 * 32, 10),
  );
}

/** The images, moved by up to two pixels to either side: a batch moves together. */
function moved(x: tf.Tensor4D): tf.Tensor4D {
  const padded = tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]]);
  const [down, right] = random.choice(5, { size: 2, replace: true });
  return tf.slice(padded, [0, down!, right!, 0], x.shape);
}

type Digits = train.Dataset<
  readonly [train.Column<readonly [number, number, 1]>, train.Column]
>;

function digits({ images, labels }: train.LabeledImages): Digits {
  const [, height, width] = images.shape as [number, number, number];
  const pixels = Float32Array.from(images.data, (byte) => byte / 255);
  return new train.Dataset([
    train.column(pixels, [height, width, 1]),
    train.column(Int32Array.from(labels.data)),
  ]);
}

await main(async () => {
  const options = parseOptions("Trains a classifier of digits.", {
    ...RUN_OPTIONS,
    model: { default: "cnn", help: "the model", choices: ["mlp", "cnn"] },
    dataDir: { default: "", help: "a folder with the files of MNIST" },
    cache: { default: ".cache/mnist", help: "the folder of downloads" },
    epochs: { default: 8, help: "passes over the data", min: 1 },
    batch: { default: 32, help: "digits in a step", min: 1 },
    lr: { default: 3e-3, help: "the highest learning rate" },
    out: {
      default: "",
      help: "the folder of the run (default runs/mnist_MODEL)",
    },
  });
  const files = await train.readIdxDirectory(
    options.dataDir || await downloadMnist(options.cache),
  );
  const [learn, test] = [digits(files.train), digits(files.test)];

  const { backend, threads, folder } = await startRun(
    options,
    options.out || `runs/mnist_${options.model}`,
  );
  console.log(`${learn.length} digits`);
  const model = options.model === "mlp" ? perceptron() : convolutional();
  const scores = (x: tf.Tensor) => model.call(x as tf.Tensor4D) as tf.Tensor2D;

  const data = train.batches(learn, {
    batchSize: options.batch,
    shuffle: true,
    map: (x, y) => [moved(x), y],
  });
  const optimizer = new optim.AdamW({
    lr: new optim.OneCycleLR({
      maxLr: options.lr,
      totalSteps: options.epochs * data.length,
    }),
    weightDecay: 0.01,
    decayMask: optim.isMatrix,
  }).registerTrainableWeights(model.states(ParamState));

  const result = await train.fit({
    name: options.model,
    config: {
      batch: options.batch,
      lr: options.lr,
      epochs: options.epochs,
      seed: options.seed,
      backend,
      threads,
    },
    model,
    optimizer,
    loss: (x, y) => nn.softmaxCrossEntropy(scores(x), y, { reduction: "mean" }),
    data,
    validation: train.batches(test, { batchSize: 250 }),
    metrics: {
      accuracy: accuracy(scores),
    },
    epochs: options.epochs,
    checkpoint: { folder: `${folder}/checkpoints`, every: 100 },
    resume: options.resume,
    callbacks: [
      train.progressBar(),
      train.jsonLines(`${folder}/log.jsonl`),
      train.tensorBoard(`${folder}/events`),
      train.report(`${folder}/report.html`),
    ],
  });
  if (!printEnd(result)) return;

  // Classify a few digits.
  const [image] = test.columns;
  const few = tf.tensor4d(image.data.slice(0, 784 * 5) as Float32Array, [
    5,
    28,
    28,
    1,
  ]);
  const classes = tf.tidy(() =>
    environ.context({ fit: false }, () => tf.argMax(scores(few), 1))
  );
  console.log(`the first digits read ${(await classes.data()).join(" ")}`);
  tf.dispose([few, classes]);
});
