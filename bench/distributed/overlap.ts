/**
 * Milliseconds of an eager step of an MLP with 1.2 million parameters: its gradients
 * reduced after the backward pass, and in it. For networks that are slower than memory.
 *
 * ```sh
 * mpiexec -n 2 deno run -A bench/distributed/overlap.ts [STEPS]
 * ```
 */
import { mpi } from "../../distributed/mod.ts";
import { nn, optim, ParamState, tf, train, useBackend } from "../../mod.ts";

const [steps = "60"] = Deno.args;
await useBackend("wasm", { threads: 1 });
const EXAMPLES = 256, PIXELS = 784;
const pixels = train.column(
  Float32Array.from({ length: EXAMPLES * PIXELS }, (_, i) => Math.sin(i)),
  [PIXELS],
);
const labels = Int32Array.from({ length: EXAMPLES }, (_, i) => i % 10);

async function run(overlap: boolean): Promise<number[]> {
  const world = mpi({ timeout: 60, overlap });
  const layers = [512, 512, 512, 10].map((size, i) =>
    new nn.Linear(i ? 512 : PIXELS, size)
  );
  const params = Object.assign(
    {},
    ...layers.map((layer, i) => ({ ...prefixed(layer, i) })),
  ) as Record<string, ParamState>;
  const times: number[] = [];
  let before = performance.now();
  const optimizer = new optim.AdamW({ lr: 1e-3 })
    .registerTrainableWeights(params);
  await train.fit({
    world,
    optimizer,
    loss: (x: tf.Tensor2D, y: tf.Tensor1D) => {
      let h = x;
      layers.forEach((layer, i) => {
        h = i ? layer.call(tf.relu(h)) : layer.call(h);
      });
      return nn.softmaxCrossEntropy(h, y, { reduction: "mean" });
    },
    data: train.batches([pixels, labels], {
      batchSize: EXAMPLES,
      shard: world.shard,
    }),
    steps: Number(steps),
    callbacks: [{
      onStep() {
        times.push(performance.now() - before);
        before = performance.now();
      },
    }],
  });
  optimizer.dispose();
  return times.slice(5);
}

function prefixed(layer: nn.Linear, i: number) {
  return Object.fromEntries(
    Object.entries(layer.states(ParamState)).map((
      [name, state],
    ) => [`${i}.${name}`, state]),
  );
}

const times: Record<string, number[]> = { after: [], during: [] };
for (let round = 0; round < 3; round++) {
  times["after"]!.push(...await run(false));
  times["during"]!.push(...await run(true));
}
if (mpi().rank === 0) {
  for (const [name, all] of Object.entries(times)) {
    all.sort((a, b) => a - b);
    const median = all[all.length >> 1]!.toFixed(1);
    console.log(`reduced ${name} the backward pass: ${median} ms a step`);
  }
}
