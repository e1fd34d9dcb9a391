/**
 * Train a network on three spirals with several processes.
 *
 * ```sh
 * mpiexec -n 2 deno run -A examples/distributed.ts
 * deno run -A examples/distributed.ts            # the same with one process
 * ```
 *
 * Checkpoints are in `runs/distributed`: a run that was stopped goes on where it was, also
 * with another number of processes.
 */
import {
  nn,
  optim,
  ParamState,
  random,
  type tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { mpi } from "@braintape/braintape/distributed";
import { main, parseOptions } from "./_cli.ts";
import { spirals } from "./spirals.ts";

await main(async () => {
  const options = parseOptions("Train with several processes.", {
    folder: { default: "runs/distributed", help: "folder of the checkpoints" },
    epochs: { default: 30, help: "epochs to train", min: 1 },
    every: {
      default: 0,
      help:
        "steps between two meetings (DiLoCo); 0 adds gradients in each step",
    },
    shard: { default: false, help: "each process keeps a part of the slots" },
  });
  const world = mpi();
  const { backend, threads } = await useBackend("wasm", { threads: 1 });
  console.log(
    `rank ${world.rank} of ${world.size} on ${backend}, threads: ${threads}`,
  );
  random.seed(1);
  const [learn, test] = spirals().split(0.8);
  const { shard } = world;
  const model = new nn.Sequential(
    new nn.Linear(2, 64),
    nn.relu,
    new nn.Linear(64, 64),
    nn.relu,
    new nn.Linear(64, 3),
  );
  const { step, values } = await train.fit({
    world,
    model,
    optimizer: new optim.AdamW({ lr: 0.01 })
      .registerTrainableWeights(model.states(ParamState)),
    loss: (x: tf.Tensor2D, y: tf.Tensor1D) =>
      nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
    data: train.batches(learn, { batchSize: 40, shuffle: true, shard }),
    validation: train.batches(test, { batchSize: 100 }),
    metrics: { accuracy: new nn.AccuracyMetric() },
    epochs: options.epochs,
    checkpoint: { folder: options.folder },
    resume: true,
    callbacks: [train.progressBar()],
    shardOptimizer: options.shard,
    ...(options.every > 0 ? { diloco: { every: options.every } } : {}),
  });
  if (world.rank === 0) {
    console.log(`accuracy ${values.accuracy!.toFixed(4)} after ${step} steps`);
  }
});
