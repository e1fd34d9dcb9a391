/** What `fit` reads from the device. */
import { assert } from "@std/assert";
import { data, nn, optim, ParamState, random, tf, train } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

/** How often a buffer of the device is read while `fn` runs. */
async function reads(fn: () => Promise<void>): Promise<number> {
  const { mapAsync } = GPUBuffer.prototype;
  let count = 0;
  GPUBuffer.prototype.mapAsync = function (...args) {
    count++;
    return mapAsync.apply(this, args);
  };
  try {
    await fn();
  } finally {
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
  return count;
}

onEachBackend(
  "fit() reads losses where it logs them, not in each step",
  async () => {
    random.seed(1);
    const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Linear(8, 2));
    const optimizer = new optim.AdamW({ lr: 0.01, gradClipNorm: 1 })
      .registerTrainableWeights(model.states(ParamState));
    const column = (size: number) =>
      data.column(
        Float32Array.from({ length: 64 * size }, (_, i) => Math.sin(i * i)),
        [size],
      );
    const count = await reads(async () => {
      await train.fit({
        loss: (x: tf.Tensor2D, y: tf.Tensor2D) =>
          tf.mean<tf.Scalar>(
            tf.squaredDifference(model.call(x) as tf.Tensor2D, y),
          ),
        optimizer: optimizer as optim.Optimizer,
        data: data.batches([column(4), column(2)], { batchSize: 8 }),
        steps: 40,
        logEvery: 10,
      });
    });
    console.log(`40 steps with 4 records read the device ${count} times`);
    assert(count <= 16);
  },
  { only: ["webgpu"] },
);
