// Gradients and running statistics of a network with batch normalization, synchronized,
// against those of the whole batch on one process.
import { mpi, synchronizeBatchNorm } from "../../../distributed/mod.ts";
import {
  autodiff,
  BatchState,
  environ,
  nn,
  ParamState,
  random,
  tf,
  useBackend,
} from "../../../mod.ts";
import { floatsOf } from "./_hash.ts";

const [backend = "cpu"] = Deno.args;
await useBackend(backend as "cpu", { threads: 1 });
const world = mpi({ timeout: 20 });
const { rank, size } = world;
const COUNT = 11;
const values = Float32Array.from(
  { length: COUNT * 5 * 5 * 3 },
  (_, i) => Math.sin(i * i),
);
const whole = tf.tensor4d(values, [COUNT, 5, 5, 3]);
const cut = (i: number) => Math.floor(i * COUNT / size);
const part = tf.slice(whole, cut(rank), cut(rank + 1) - cut(rank));

async function measure(
  x: tf.Tensor4D,
  wrap: (loss: (x: tf.Tensor4D) => tf.Scalar) => (x: tf.Tensor4D) => tf.Scalar,
  share: number,
  reduce: (grads: Record<string, tf.Tensor>) => Promise<typeof grads>,
) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Conv2d([5, 5, 3], 4, 3),
    new nn.BatchNorm2d(4, { momentum: 0.5 }),
    nn.gelu,
  );
  const states = model.states(ParamState);
  const loss = wrap((x) =>
    tf.mul(tf.mean<tf.Scalar>(tf.square(tf.sub(model.call(x), 0.3))), share)
  );
  const grads = environ.context(
    { fit: true },
    () => autodiff.grad(loss, { states })(x),
  );
  const sums = await reduce({ ...grads });
  const statistics = Object.values(model.states(BatchState));
  return {
    grads: await floatsOf(Object.values(sums)),
    statistics: await floatsOf(
      statistics.map(({ value }) => value as tf.Tensor),
    ),
  };
}
const own = await measure(
  part,
  (loss) => synchronizeBatchNorm(world, loss),
  world.share(part.shape[0]),
  async (grads) => ({ ...await world.allReduce(grads) }),
);
const alone = await measure(
  whole,
  (loss) => loss,
  1,
  (grads) => Promise.resolve(grads),
);
const apart = await measure(
  part,
  (loss) => loss,
  world.share(part.shape[0]),
  async (grads) => ({ ...await world.allReduce(grads) }),
);
const distance = (a: number[], b: number[]) => {
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / scale;
};
console.log(JSON.stringify({
  rank,
  grads: distance(own.grads, alone.grads),
  statistics: distance(own.statistics, alone.statistics),
  apart: distance(apart.grads, alone.grads),
}));
