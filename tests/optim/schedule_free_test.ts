/** The two points of Schedule-Free optimizers. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../checkpoint.ts";
import { compile } from "../../compile.ts";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { disposeAll, gradients, start } from "./_problem.ts";

const NAMES = ["scalar", "vector", "matrix"];

async function valuesOf(
  params: Record<string, ParamState>,
): Promise<number[]> {
  const all = Object.values(params).map(({ value }) => value.data());
  return (await Promise.all(all)).flatMap((x) => [...x]);
}

function begin(Class = optim.ScheduleFreeAdamW) {
  const params = start(NAMES);
  const optimizer = new Class({ lr: 0.1, warmupSteps: 3 })
    .registerTrainableWeights(params);
  return { params, optimizer };
}

onEachBackend(
  "swap puts the average of the paper in place, and then the bits that were there",
  async () => {
    // In float64: x, y and z of one number with the gradient y - 3.
    const beta = 0.8, lr = 0.5, decay = 0.1;
    let x = 5, y = 5, z = 5, sum = 0;
    const w = new ParamState(tf.tensor1d([5]));
    const options = { lr, momentum: beta, weightDecay: decay, warmupSteps: 4 };
    const optimizer = new optim.ScheduleFreeSGD(options)
      .registerTrainableWeights({ w });
    await assertNoLeak(async () => {
      for (let t = 1; t <= 12; t++) {
        const rate = lr * Math.min(1, t / 4);
        sum += rate ** 2;
        z -= rate * (y - 3 + decay * y);
        x += rate ** 2 / sum * (z - x);
        y = beta * x + (1 - beta) * z;
        optimizer.step({ w: tf.sub(w.value, 3) });
        const [before] = await w.value.data();
        assert(Math.abs(before! - y) < 1e-5, `${before} is not ${y}`);
        optimizer.swap();
        assertEquals(optimizer.isSwapped, true);
        const [average] = await w.value.data();
        assert(Math.abs(average! - x) < 1e-5, `${average} is not ${x}`);
        optimizer.swap();
        assertEquals(optimizer.isSwapped, false);
        assertEquals([...await w.value.data()], [before]);
      }
    });
    optimizer.dispose();
    w.dispose();
  },
);

for (const Class of [optim.ScheduleFreeSGD, optim.ScheduleFreeAdamW]) {
  onEachBackend(
    `${Class.name} is saved in either state, and continues with the same bits`,
    async () => {
      const whole = begin(Class);
      for (const k of [1, 2, 3]) whole.optimizer.step(gradients(NAMES, k));
      const saved: Uint8Array[] = [];
      const parts = (of: typeof whole) => ({
        params: of.params,
        optimizer: of.optimizer,
      });
      saved.push(await encodeCheckpoint(parts(whole)));
      whole.optimizer.swap();
      const points = await valuesOf(whole.params);
      saved.push(await encodeCheckpoint(parts(whole)));
      whole.optimizer.swap();
      for (const k of [4, 5]) whole.optimizer.step(gradients(NAMES, k));
      const expected = await valuesOf(whole.params);
      for (const wasSwapped of [false, true]) {
        for (const isSwapped of [false, true]) {
          const other = begin(Class);
          other.optimizer.step(gradients(NAMES, 9));
          if (wasSwapped) other.optimizer.swap();
          await decodeCheckpoint(saved[Number(isSwapped)]!, parts(other));
          assertEquals(other.optimizer.isSwapped, isSwapped);
          if (isSwapped) {
            assertEquals(await valuesOf(other.params), points);
            other.optimizer.swap();
          }
          for (const k of [4, 5]) other.optimizer.step(gradients(NAMES, k));
          assertEquals(await valuesOf(other.params), expected);
          other.optimizer.dispose();
          disposeAll(other.params);
        }
      }
      whole.optimizer.dispose();
      disposeAll(whole.params);
    },
  );
}

onEachBackend(
  "a step at the point to evaluate is refused, and changes nothing",
  async () => {
    const { params, optimizer } = begin();
    optimizer.step(gradients(NAMES, 1));
    optimizer.swap();
    const before = await valuesOf(params);
    assertThrows(
      () => optimizer.step(gradients(NAMES, 2)),
      Error,
      "Cannot step ScheduleFreeAdamW: the parameters hold the point to evaluate: call swap() before training goes on",
    );
    assertEquals(await valuesOf(params), before);
    assertEquals(optimizer.stepCount, 1);
    optimizer.dispose();
    disposeAll(params);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a compiled step refuses the point to evaluate, and goes on after it",
  async () => {
    const run = async (isCompiled: boolean) => {
      const { vector } = start(["vector"]);
      const params = { vector: vector! };
      const optimizer = new optim.ScheduleFreeAdamW({ lr: 0.1 })
        .registerTrainableWeights(params);
      const loss = (scale: tf.Scalar) =>
        tf.sum<tf.Scalar>(tf.mul(scale, tf.square(params.vector.value)));
      const plain = train.step(loss, optimizer);
      using compiled = compile(plain);
      const step = isCompiled ? compiled : plain;
      for (let k = 0; k < 8; k++) {
        if (k === 5) {
          optimizer.swap();
          assertThrows(() => step(tf.scalar(1)), Error, "call swap()");
          optimizer.swap();
        }
        step(tf.scalar(1)).dispose();
      }
      const values = await valuesOf(params);
      optimizer.dispose();
      return values;
    };
    assertEquals(await run(true), await run(false));
  },
  { only: ["wasm", "webgpu"] },
);

onEachBackend(
  "weights that are loaded before the first step are where all points start",
  async () => {
    const w = new ParamState(tf.tensor1d([0]));
    const optimizer = new optim.ScheduleFreeSGD({ lr: 0.1 })
      .registerTrainableWeights({ w });
    w.value = tf.tensor1d([10]);
    optimizer.swap();
    assertEquals([...await w.value.data()], [10]);
    optimizer.swap();
    optimizer.step({ w: tf.tensor1d([0]) });
    assertEquals([...await w.value.data()], [10]);
    optimizer.dispose();
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "each group has its own share, and other transformations none",
  async () => {
    const [a, b, c] = [0, 0, 0].map(() => new ParamState(tf.tensor1d([1])));
    const optimizer = new optim.ScheduleFreeSGD({ lr: 0.1, momentum: 0.5 })
      .registerTrainableWeights({ a: a! })
      .addParamGroup({ b: b! }, { momentum: 0.9 })
      .addParamGroup({ c: c! }, { tx: optim.sgd() });
    const step = () =>
      optimizer.step({
        a: tf.tensor1d([1]),
        b: tf.tensor1d([1]),
        c: tf.tensor1d([1]),
      });
    for (let k = 0; k < 5; k++) step();
    const before = await valuesOf({ a: a!, b: b!, c: c! });
    optimizer.swap();
    const [x, y, z] = await valuesOf({ a: a!, b: b!, c: c! });
    // Both have the same x = 1 - 0.1 (1 + ... + 5) / 5, whatever their y.
    assert(Math.abs(x! - 0.7) < 1e-6 && Math.abs(y! - 0.7) < 1e-6, `${x} ${y}`);
    assert(before[0] !== before[1]);
    assertEquals(z, before[2]);
    optimizer.dispose();
  },
  { only: ["cpu"] },
);

Deno.test("a saved point must have the shape of its parameter", async () => {
  await useBackend("cpu");
  const { optimizer } = begin();
  optimizer.step(gradients(NAMES, 1));
  optimizer.swap();
  const state = optimizer.stateDict();
  const load = (y: Record<string, tf.Tensor>) =>
    optimizer.loadStateDict({ ...state, slots: { ...state.slots, y } });
  assertThrows(
    () => load({ vector: tf.ones([3]) }),
    RangeError,
    'Cannot load ScheduleFreeAdamW: slot "y" of "vector" must be a float32 tensor of shape [7]',
  );
  assertThrows(
    () => load({ other: tf.ones([3]) }),
    RangeError,
    'Cannot load ScheduleFreeAdamW: slot "y" of "other" must be of a parameter of this optimizer',
  );
  const adamw = new optim.AdamW().registerTrainableWeights(start(NAMES));
  assertThrows(() => adamw.loadStateDict(state), RangeError, "must be those");
});

onEachBackend(
  "points are exchanged for all parameters, or for none",
  async () => {
    await assertNoLeak(async () => {
      const { vector: first, matrix: last } = start(["vector", "matrix"]);
      const optimizer = new optim.ScheduleFreeSGD({ lr: 0.5 })
        .registerTrainableWeights({ vector: first!, matrix: last! });
      for (let k = 1; k < 4; k++) {
        optimizer.step(gradients(["vector", "matrix"], k) as never);
      }
      const before = [...await first!.value.data()];
      last!.dispose();
      assertThrows(() => optimizer.swap(), Error, "disposed");
      assertEquals(optimizer.isSwapped, false);
      assertEquals([...await first!.value.data()], before);
      optimizer.dispose();
      first!.dispose();
    });
  },
  { only: ["cpu", "wasm"] },
);
