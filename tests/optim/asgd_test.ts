/** The average of the points of ASGD. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { decodeCheckpoint, encodeCheckpoint } from "../../checkpoint.ts";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

const T0 = 3;

function begin(options: optim.AsgdOptions = {}) {
  const w = scope(() => new ParamState(tf.tensor1d([5, -1])));
  const optimizer = new optim.Asgd({ lr: 0.1, t0: T0, ...options })
    .registerTrainableWeights({ w });
  return { w, optimizer };
}

function step({ w, optimizer }: ReturnType<typeof begin>, k: number) {
  optimizer.step({ w: tf.tidy(() => tf.sub(w.value, [Math.sin(k), k % 3])) });
}

const read = async (state: ParamState) => [...await state.value.data()];

onEachBackend(
  "swap puts the mean of the points in place, and then the bits that were there",
  async () => {
    await assertNoLeak(async () => {
      const all = begin(), { w, optimizer } = all;
      const points: number[][] = [];
      for (let k = 1; k <= 12; k++) {
        step(all, k);
        const point = await read(w);
        points.push(point);
        // As in torch: points from the second one after step t0 on.
        const since = points.slice(Math.min(T0 + 1, k - 1));
        optimizer.swap();
        assertEquals(optimizer.isSwapped, true);
        (await read(w)).forEach((x, i) => {
          const mean = since.reduce((sum, p) => sum + p[i]!, 0) / since.length;
          assertAlmostEquals(x, mean, 1e-6, `step ${k}`);
        });
        const g = tf.zeros([2]);
        assertThrows(
          () => optimizer.step({ w: g }),
          Error,
          "Cannot step Asgd: the parameters hold the point to evaluate",
        );
        g.dispose();
        optimizer.swap();
        assertEquals(await read(w), point);
      }
      optimizer.dispose();
      w.dispose();
    });
  },
);

onEachBackend(
  "until step t0 the average is the parameters",
  async () => {
    const all = begin({ t0: 1e6 });
    for (let k = 1; k <= 5; k++) step(all, k);
    const point = await read(all.w);
    all.optimizer.swap();
    assertEquals(await read(all.w), point);
    all.optimizer.dispose();
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "ASGD saved at its average continues with the same bits",
  async () => {
    const whole = begin();
    for (let k = 1; k <= 8; k++) step(whole, k);
    whole.optimizer.swap();
    const { w, optimizer } = whole, average = await read(w);
    const saved = await encodeCheckpoint({ params: { w }, optimizer });
    optimizer.swap();
    for (let k = 9; k <= 12; k++) step(whole, k);
    const resumed = begin();
    await decodeCheckpoint(saved, {
      params: { w: resumed.w },
      optimizer: resumed.optimizer,
    });
    assertEquals(await read(resumed.w), average);
    resumed.optimizer.swap();
    for (let k = 9; k <= 12; k++) step(resumed, k);
    assertEquals(await read(resumed.w), await read(w));
    for (const { optimizer } of [whole, resumed]) {
      optimizer.swap();
      optimizer.dispose();
    }
    assertEquals(await read(resumed.w), await read(w));
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "fit evaluates the average of ASGD, and leaves it in place",
  async () => {
    const { w, optimizer } = begin({ t0: 0 });
    const targets = Float32Array.from({ length: 64 }, (_, i) => i % 2 ? 4 : 2);
    const loss = (x: tf.Tensor) =>
      tf.mean<tf.Scalar>(tf.square(tf.sub(w.value, x)));
    const result = await train.fit({
      optimizer,
      loss,
      data: train.batches([train.column(targets, [1])], { batchSize: 1 }),
      validation: train.batches([train.column([3], [1])], { batchSize: 1 }),
      epochs: 3,
    });
    assert(optimizer.isSwapped);
    const average = await read(w);
    const [x, y] = [average[0]! - 3, average[1]! - 3];
    const expected = (x * x + y * y) / 2;
    const found = result.log.evaluations.at(-1)!.values["loss"]!;
    assertAlmostEquals(found, expected, 1e-6);
    optimizer.swap();
    assert((await read(w))[0] !== average[0]);
    optimizer.dispose();
  },
  { only: ["cpu", "wasm"] },
);
