// What each operation gives, as one line of JSON.
import { mpi } from "../../../distributed/mod.ts";
import { nn, optim, ParamState, random, tf, useBackend } from "../../../mod.ts";

const [backend = "wasm", inOrder = ""] = Deno.args;
await useBackend(backend as "wasm", { threads: 1 });
const world = mpi({ timeout: 60, inOrder: inOrder === "inOrder" });
const { rank, size } = world;
const before = tf.memory().numTensors;

const shared = tf.fill([3], rank), clone = tf.clone(shared);
const sums = await world.allReduce({
  small: tf.tensor1d([1, rank]),
  scalar: tf.scalar(0.5),
  empty: tf.zeros([0, 2]),
  large: tf.fill([300, 300], rank + 1),
  shared,
});
const values: Record<string, number[]> = {};
for (const name in sums) {
  values[name] = [...await sums[name]!.data()].slice(0, 3);
}
const kept = [...await clone.data()];
const shapes = Object.values(sums).map(({ shape }) => shape);
tf.dispose([{ ...sums }, clone]);
const tensors = tf.memory().numTensors - before;

random.seed(rank);
const model = new nn.Linear(3, 2);
const optimizer = new optim.Adam({ lr: 0.1 * (rank + 1) })
  .registerTrainableWeights(model.states(ParamState));
const { note } = await world.broadcast({ model, optimizer, note: rank });
const weights = [...await model.weight.value.data()];

const messages: string[] = [];
const attempts: Record<string, () => unknown> = {
  shapes: () => world.allReduce({ a: tf.zeros([2 + rank]) }),
  names: () => world.allReduce({ [rank ? "a" : "b"]: tf.zeros([2]) }),
  operations: () => rank ? world.sum(1) : world.barrier(),
  dtype: () => world.allReduce({ a: tf.zeros([2], "int32") }),
  nothing: () => world.share(0),
  negative: () => world.share(rank - 1),
  "no number": () => world.share(NaN),
  failure: () => rank ? world.sum(1) : world.fail("a bad day"),
  first: () =>
    world.onFirst(() => {
      throw new Error("no file");
    }),
};
for (const attempt of Object.values(attempts)) {
  try {
    await attempt();
    messages.push("accepted");
  } catch (error) {
    messages.push((error as Error).message);
  }
}

console.log(JSON.stringify({
  rank,
  size,
  values,
  kept,
  shapes,
  tensors,
  note,
  weights,
  lr: optimizer.getLastLr(),
  sum: world.sum(rank, 1),
  many: world.sum(1, 2, 3, 4, 5, rank),
  share: world.share(rank + 1),
  gathered: world.gather({ rank }),
  first: await world.onFirst(() => Promise.resolve(`of ${rank}`)),
  stream: world.ownStream(new random.RandomState(1)).value.key,
  shard: world.shard,
  messages,
}));
