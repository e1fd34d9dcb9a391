/**
 * A GPT of two layers on two ranks: gradients added in each step, and DiLoCo, which meets
 * after 20 steps. Prints the validation losses.
 *
 * ```sh
 * mpiexec -n 2 deno run -A bench/distributed/diloco.ts TEXT_FILE [STEPS] [SEEDS]
 * ```
 */
import { Gpt } from "../../examples/_gpt.ts";
import { mpi } from "../../distributed/mod.ts";
import {
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "../../mod.ts";

const [path = "README.md", steps = "1000", seeds = "3"] = Deno.args;
const world = mpi({ timeout: 120 });
await useBackend("wasm", { threads: 1 });
const text = await train.readText(path);
const vocabulary = new train.Vocabulary(text);
const tokens = vocabulary.encode(text);
const cut = Math.floor(0.9 * tokens.length);

async function run(seed: number, diloco?: { every: number }) {
  random.seed(seed);
  const model = new Gpt({
    characters: vocabulary.size,
    context: 64,
    layers: 2,
    heads: 4,
    width: 128,
  });
  const totalSteps = Number(steps);
  const { values } = await train.fit({
    world,
    model,
    optimizer: new optim.AdamW({
      lr: new optim.WarmupCosineSchedule({
        baseLr: 1e-3,
        warmupSteps: 100,
        totalSteps,
        etaMin: 1e-4,
      }),
      betas: [0.9, 0.95],
    }).registerTrainableWeights(model.states(ParamState)),
    loss: (x: tf.Tensor2D, y: tf.Tensor2D) =>
      nn.softmaxCrossEntropy(model.call(x), tf.reshape(y, [-1]), {
        reduction: "mean",
      }),
    data: train.textWindows(tokens.subarray(0, cut), {
      batchSize: 24,
      context: 64,
      shard: world.shard,
    }),
    validation: train.textWindows(tokens.subarray(cut), {
      batchSize: 100,
      context: 64,
      count: 20,
      repeat: true,
      random: new random.RandomState(7),
      shard: world.shard,
    }),
    steps: totalSteps,
    compile: true,
    ...(diloco ? { diloco } : {}),
  });
  return values["loss"]!;
}

const differences: number[] = [];
for (let seed = 1; seed <= Number(seeds); seed++) {
  const joint = await run(seed);
  const local = await run(seed, { every: 20 });
  differences.push(local - joint);
  if (world.rank > 0) continue;
  console.log(
    `seed ${seed}: synchronous ${joint.toFixed(4)}, DiLoCo ${local.toFixed(4)}`,
  );
}
const mean = differences.reduce((a, b) => a + b) / differences.length;
if (world.rank === 0) {
  const meetings = Math.ceil(Number(steps) / 20);
  console.log(
    `DiLoCo with ${meetings} meetings minus synchronous: ${
      mean.toFixed(4)
    } on average`,
  );
}
