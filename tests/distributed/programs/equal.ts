// 100 steps of an MLP by hand: this rank's part, reduced; and on rank 0 the parts of all
// ranks one after the other, and the whole batches.
import { mpi } from "../../../distributed/mod.ts";
import {
  autodiff,
  mapNamed,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "../../../mod.ts";
import { floatsOf, hashOf } from "./_hash.ts";

const [backend = "wasm", inOrder = ""] = Deno.args;
await useBackend(backend as "wasm", { threads: 1 });
const world = mpi({ timeout: 60, inOrder: inOrder === "inOrder" });
const EXAMPLES = 1000, BATCH = 64, STEPS = 100;
const points = Float32Array.from(
  { length: 2 * EXAMPLES },
  (_, i) => Math.sin(i * i * 0.7),
);
const labels = Int32Array.from(
  { length: EXAMPLES },
  (_, i) => +(Math.hypot(points[2 * i]!, points[2 * i + 1]!) < 0.8),
);

/**
 * Train on some parts of each batch, of which there are `count`.
 *
 * @param total The examples of the step of all ranks, from those of this process.
 * @param reduce What to do with the sums over the parts.
 */
async function run(
  count: number,
  parts: readonly number[],
  total: (examples: number) => number,
  reduce: (sums: Record<string, tf.Tensor>) => Promise<typeof sums>,
) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(2, 64),
    nn.relu,
    new nn.Linear(64, 64),
    nn.relu,
    new nn.Linear(64, 2),
  );
  const states = model.states(ParamState);
  const optimizer = new optim.AdamW({ lr: 1e-3 })
    .registerTrainableWeights(states);
  const gradient = autodiff.grad(
    (x: tf.Tensor2D, y: tf.Tensor1D, share: number) =>
      tf.mul<tf.Scalar>(
        nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
        share,
      ),
    { states, returnValue: true },
  );
  const sources = parts.map((index) =>
    train.batches([train.column(points, [2]), labels], {
      batchSize: BATCH,
      shuffle: true,
      random: new random.RandomState(7),
      shard: { index, count },
    })
  );
  let step = 0, loss = NaN;
  while (step < STEPS) {
    const passes = sources.map((source) => source[Symbol.iterator]());
    for (let i = 0; i < sources[0]!.length && step < STEPS; i++, step++) {
      const batches = passes.map((pass) => pass.next().value!);
      const examples = total(batches.reduce((n, [x]) => n + x.shape[0], 0));
      let sums: Record<string, tf.Tensor> | undefined;
      for (const [x, y] of batches) {
        const [grads, value] = gradient(x, y, x.shape[0] / examples);
        const part: Record<string, tf.Tensor> = { ...grads, "": value };
        const before = sums;
        sums = before
          ? { ...mapNamed(part, (g, name) => tf.add(before[name]!, g)) }
          : part;
        if (before) tf.dispose([before, part]);
      }
      const { "": value, ...grads } = await reduce(sums!);
      optimizer.step(grads);
      loss = (await value!.data())[0]!;
      value!.dispose();
    }
    for (const pass of passes) pass.return?.();
  }
  const params = Object.values(states).map(({ value }) => value);
  const slots = Object.values(optimizer.optState.slots)
    .flatMap((of) => Object.values(of));
  const hash = await hashOf([...params, ...slots]);
  const floats = await floatsOf(params);
  optimizer.dispose();
  for (const state of Object.values(model.states())) state.dispose();
  return { hash, floats, loss };
}

const { rank, size } = world;
const before = tf.memory().numTensors;
const own = await run(
  size,
  [rank],
  (examples) => examples / world.share(examples),
  async (sums) => ({ ...await world.allReduce(sums) }),
);
const tensors = tf.memory().numTensors - before;
const hashes = world.gather(own.hash);
const line = { rank, tensors, hashes, loss: own.loss };
if (rank > 0) console.log(JSON.stringify(line));
else {
  const all = Array.from({ length: size }, (_, i) => i);
  const same = (examples: number) => examples;
  const nothing = (sums: Record<string, tf.Tensor>) => Promise.resolve(sums);
  const parts = await run(size, all, same, nothing);
  const joint = await run(1, [0], same, nothing);
  const distance = ({ floats }: typeof own) =>
    Math.max(...floats.map((x, i) => Math.abs(x - own.floats[i]!)));
  console.log(JSON.stringify({
    ...line,
    hash: parts.hash,
    toParts: distance(parts),
    toJoint: distance(joint),
  }));
}
