// Milliseconds of a step of a GPT of 0.8 million parameters, on the ranks there are.
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

const [threads, steps] = Deno.args.map(Number);
const world = mpi({ timeout: 60 });
await useBackend("wasm", { threads: threads! });
random.seed(1);
const path = new URL("../../README.md", import.meta.url);
const text = await train.readText(path);
const vocabulary = new train.Vocabulary(text);
const model = new Gpt({
  characters: vocabulary.size,
  context: 64,
  layers: 4,
  heads: 4,
  width: 128,
});
const times: number[] = [];
let before = performance.now();
await train.fit({
  world,
  model,
  optimizer: new optim.AdamW({ lr: 1e-3 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x: tf.Tensor2D, y: tf.Tensor2D) =>
    nn.softmaxCrossEntropy(model.call(x), tf.reshape(y, [-1]), {
      reduction: "mean",
    }),
  data: train.textWindows(vocabulary.encode(text), {
    batchSize: 12,
    context: 64,
    shard: world.shard,
  }),
  steps: steps!,
  compile: true,
  callbacks: [{
    onStep() {
      times.push(performance.now() - before);
      before = performance.now();
    },
  }],
});
const steady = times.slice(10).sort((a, b) => a - b);
if (world.rank === 0) {
  const [best, median] = [steady[0], steady[steady.length >> 1]];
  console.log(JSON.stringify({ best, median }));
}
