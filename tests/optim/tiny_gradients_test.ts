/** Gradients near the smallest number that has float32's full precision, 2^-126. */
import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";

const SMALLEST_NORMAL = 2 ** -126;

/** Those whose slots operations of tfjs compute. */
const COMPOSED = ["LBFGS", "SM3"];

/** Seven elements: four at a time, and three alone. */
const GRADIENTS = [1e-37, -1e-38, 1e-39, 3e-20, -1e-21, 1, 0];

for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
  if (COMPOSED.includes(name)) continue;
  onEachBackend(
    `${name} keeps no number in its slots that is slow to compute with`,
    async () => {
      const w = new ParamState(tf.zeros([GRADIENTS.length]));
      const optimizer = make().registerTrainableWeights({ w });
      for (let k = 0; k < 3; k++) {
        optimizer.step({ w: tf.tensor1d(GRADIENTS) });
        const { slots } = optimizer.stateDict();
        for (const [slot, { w }] of Object.entries(slots)) {
          for (const x of await w!.data()) {
            const isFast = x === 0 || Math.abs(x) >= SMALLEST_NORMAL;
            assert(isFast || Number.isNaN(x), `${slot}: ${x}`);
          }
        }
        for (const tensors of Object.values(slots)) tf.dispose(tensors);
      }
      optimizer.dispose();
      w.dispose();
    },
    { only: ["wasm"] },
  );
}

onEachBackend(
  "an average of gradients that stay 0 becomes 0, as in XLA, and NaN stays NaN",
  async () => {
    const w = new ParamState(tf.ones([9]));
    const optimizer = new optim.Adam({ lr: 1e-3 })
      .registerTrainableWeights({ w });
    const nan = Array.from({ length: 9 }, (_, i) => i === 3 ? NaN : -1);
    optimizer.step({ w: tf.tensor1d(nan) });
    // 0.9^838 is below 2^-126, 0.9^800 is not.
    for (let k = 0; k < 800; k++) optimizer.step({ w: tf.zeros([9]) });
    const read = () => {
      const { slots } = optimizer.stateDict();
      const first = [...slots["m"]!["w"]!.dataSync()];
      for (const tensors of Object.values(slots)) tf.dispose(tensors);
      return first;
    };
    for (const [i, x] of read().entries()) {
      assert(i === 3 ? Number.isNaN(x) : x < 0, `${i}: ${x}`);
    }
    for (let k = 0; k < 60; k++) optimizer.step({ w: tf.zeros([9]) });
    assertEquals(read().map((x) => x + 0), nan.map((x) => x === -1 ? 0 : x));
    optimizer.dispose();
    w.dispose();
    await Promise.resolve();
  },
  { only: ["wasm"] },
);
