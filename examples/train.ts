/**
 * Train a classifier on generated data (three intertwined spirals) or on digits in
 * IDX files.
 *
 * ```sh
 * deno task train
 * deno task train --data mnist --data-dir DIR --epochs 5
 * deno task train --optimizer momentum --backend webgpu --help
 * ```
 *
 * The report, the log and checkpoints are written to `runs/spirals` or `runs/mnist`;
 * those of a second run to `runs/spirals/2`, and so on. `--resume` continues from
 * the last checkpoint of the latest run.
 */
import {
  nn,
  optim,
  ParamState,
  random,
  type tf,
  train,
} from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { accuracy, printEnd, RUN_OPTIONS, startRun } from "./_run.ts";
import { spirals } from "./spirals.ts";

/** The optimizers to choose from, each with a rate that suits it. */
const OPTIMIZERS = {
  adamw: [0.01, optim.AdamW],
  adam: [0.01, optim.Adam],
  sgd: [0.5, optim.SGD],
  momentum: [0.1, optim.Momentum],
} as const;

/** A task: its examples, and settings that suit it. */
interface Task {
  readonly learn: Examples;
  readonly test: Examples;
  readonly hidden: readonly number[];
  readonly classes: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** The factor of the usual rates of the optimizers. */
  readonly rate: number;
}

type Examples = train.Dataset<
  readonly [train.Column<readonly [number]>, train.Column<readonly []>]
>;

function spiralsTask(): Task {
  const [learn, test] = spirals().split(0.8, {
    random: new random.RandomState(1),
  });
  return {
    learn,
    test,
    hidden: [64, 64],
    classes: 3,
    batchSize: 40,
    epochs: 60,
    rate: 1,
  };
}

async function mnistTask(directory: string): Promise<Task> {
  const read = ({ images, labels }: train.LabeledImages): Examples => {
    const pixels = Float32Array.from(images.data, (byte) => byte / 255);
    const size = images.shape[1]! * images.shape[2]!;
    return new train.Dataset([
      train.column(pixels, [size]),
      train.column(Int32Array.from(labels.data)),
    ]);
  };
  const files = await train.readIdxDirectory(directory);
  return {
    learn: read(files.train),
    test: read(files.test),
    hidden: [256, 128],
    classes: 10,
    batchSize: 32,
    epochs: 5,
    rate: 0.3,
  };
}

/** Layers of `sizes` with relu between them. */
function perceptron(sizes: readonly number[]): nn.Sequential {
  const layers = sizes.slice(1).flatMap((size, i) => {
    const linear = new nn.Linear(sizes[i]!, size);
    return i < sizes.length - 2 ? [linear, nn.relu] : [linear];
  });
  const [first, ...rest] = layers;
  return new nn.Sequential(first as nn.Linear, ...rest);
}

await main(async () => {
  const options = parseOptions("Trains a classifier.", {
    ...RUN_OPTIONS,
    data: {
      default: "spirals",
      help: "the data",
      choices: ["spirals", "mnist"],
    },
    dataDir: { default: "", help: "the folder of the IDX files of mnist" },
    optimizer: {
      default: "adamw",
      help: "the optimizer",
      choices: Object.keys(OPTIMIZERS),
    },
    lr: {
      default: 0,
      help: "the highest learning rate; 0 suits the optimizer",
    },
    epochs: { default: 0, help: "passes over the data; 0 suits the task" },
    quick: { default: false, help: "a tenth of the epochs, at least one" },
    out: { default: "", help: "the folder of the run (default runs/DATA)" },
  });
  if (options.data === "mnist" && options.dataDir === "") {
    throw new RangeError("Cannot read mnist: --data-dir must name a folder");
  }
  const task = options.data === "mnist"
    ? await mnistTask(options.dataDir)
    : spiralsTask();

  const { backend, threads, folder } = await startRun(
    options,
    options.out || `runs/${options.data}`,
  );
  const model = perceptron([
    task.learn.columns[0].shape[0],
    ...task.hidden,
    task.classes,
  ]);
  const call = (x: tf.Tensor2D) => model.call(x) as tf.Tensor2D;
  const data = train.batches(task.learn, {
    batchSize: task.batchSize,
    shuffle: true,
  });
  const all = options.epochs || task.epochs;
  const epochs = options.quick ? Math.max(1, Math.ceil(all / 10)) : all;
  const [rate, Optimizer] =
    OPTIMIZERS[options.optimizer as keyof typeof OPTIMIZERS];
  const maxLr = options.lr || rate * task.rate;
  const optimizer = new Optimizer({
    lr: new optim.OneCycleLR({ maxLr, totalSteps: epochs * data.length }),
  }).registerTrainableWeights(model.states(ParamState));

  const [points, labels] = task.learn.columns;
  const path = `${folder}/report.html`;
  const result = await train.fit({
    name: options.data,
    config: {
      optimizer: options.optimizer,
      lr: maxLr,
      epochs,
      seed: options.seed,
      backend,
      threads,
    },
    model,
    optimizer,
    loss: (x, y) => nn.softmaxCrossEntropy(call(x), y, { reduction: "mean" }),
    data,
    validation: train.batches(task.test, { batchSize: 250 }),
    metrics: {
      accuracy: accuracy(call),
      confusion: new nn.ConfusionMatrix(task.classes),
    },
    epochs,
    checkpoint: { folder: `${folder}/checkpoints`, every: 200 },
    resume: options.resume,
    callbacks: [
      train.progressBar(),
      train.jsonLines(`${folder}/log.jsonl`),
      train.report(path, {
        title: `${options.data}, ${options.optimizer}`,
        ...(points.shape[0] === 2
          ? {
            boundary: () =>
              train.decisionBoundary(
                call,
                points.data as Float32Array,
                labels.data,
              ),
          }
          : {}),
      }),
    ],
  });
  if (!printEnd(result)) return;
  console.log(`report ${path}`);
});
