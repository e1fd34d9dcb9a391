/** Matrices with singular values near 1, and which parameters Muon takes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

/** `nsSteps` iterations in float64 of one singular value, relative to the norm. */
function iterated(s: number, steps: number): number {
  const [a, b, c] = [3.4445, -4.775, 2.0315];
  for (let k = 0; k < steps; k++) s = a * s + b * s ** 3 + c * s ** 5;
  return s;
}

onEachBackend(
  "orthogonalize changes singular values as the polynomial does, of every shape",
  async () => {
    const sizes = [[4, 4], [3, 5], [5, 3], [2, 2, 5], [4, 3]];
    const tx = optim.orthogonalize({ nsSteps: 3 });
    const values = [3, 2, 0.5];
    const diagonal = (shape: number[]) =>
      tf.tidy(() => {
        const columns = shape.at(-1)!;
        const x = new Float32Array(shape.reduce((a, b) => a * b));
        values.forEach((s, i) => x[i * columns + i] = s);
        return tf.tensor(x, shape);
      });
    await assertNoLeak(async () => {
      const grads = Object.fromEntries(
        [...sizes, [3, 5]].map((shape, i) => [`m${i}`, diagonal(shape)]),
      );
      const updates = tf.tidy(() => ({
        ...tx.update(grads, tx.init(grads), grads)[0],
      }));
      const norm = Math.hypot(...values);
      for (const [path, { shape }] of Object.entries(grads)) {
        assertEquals(updates[path]!.shape, shape);
        const x = await updates[path]!.data(), columns = shape.at(-1)!;
        for (let i = 0; i < x.length; i++) {
          const [row, column] = [Math.floor(i / columns), i % columns];
          const s = row === column ? values[row] ?? 0 : 0;
          const error = Math.abs(x[i]! - iterated(s / norm, 3));
          assert(error < 1e-5, `${path} ${i}: ${error}`);
        }
      }
      tf.dispose([{ ...grads }, { ...updates }]);
    });
  },
);

onEachBackend("Muon takes a kernel of a convolution as a matrix", async () => {
  const shapes = [[2, 3, 4, 5], [24, 5]];
  const take = (shape: number[]) => {
    const w = new ParamState(tf.zeros(shape));
    const optimizer = new optim.Muon({ lr: 1 }).registerTrainableWeights({ w });
    const g = tf.reshape(tf.sin(tf.range(0, 120)), shape);
    optimizer.step({ w: g });
    optimizer.dispose();
    return w.value.data();
  };
  const [kernel, matrix] = await Promise.all(shapes.map(take));
  assertEquals(kernel, matrix);
  assert(Math.abs(kernel![7]!) > 1e-3);
});

Deno.test("vectors are AdamW's whatever the mask says", async () => {
  await useBackend("cpu");
  const params = { w: new ParamState(tf.ones([3])) };
  using optimizer = new optim.Muon({ muonMask: /w/ })
    .registerTrainableWeights(params);
  optimizer.step({ w: tf.ones([3]) });
  const [x] = await params.w.value.data();
  assert(Math.abs(x! - (1 - 1e-3 - 1e-4)) < 1e-6, `${x}`);
});

Deno.test("orthogonalize refuses vectors by their path", async () => {
  await useBackend("cpu");
  assertThrows(
    () => optim.orthogonalize().init({ bias: tf.ones([3]) }),
    RangeError,
    'Cannot orthogonalize: "bias" must have two or more axes: current value is [3]',
  );
});

onEachBackend(
  "the rate of AdamW in Muon follows the schedule of the other",
  async () => {
    const start = new optim.ExponentialLR({ baseLr: 0.5, gamma: 0.5 });
    const w = new ParamState(tf.zeros([2]));
    const optimizer = new optim.Muon({ lr: start, adamLr: 0.1, adamEps: 0 })
      .registerTrainableWeights({ w });
    const step = async () => {
      const [before] = await w.value.data();
      optimizer.step({ w: tf.ones([2]) });
      const [after] = await w.value.data();
      return (before! - after!) / (1 + 0.1 * before!);
    };
    assert(Math.abs(await step() - 0.1) < 1e-6);
    optimizer.lrScheduler.step();
    assert(Math.abs(await step() - 0.05) < 1e-6);
    optimizer.dispose();
  },
  { only: ["cpu", "wasm"] },
);

Deno.test("a rate of AdamW in Muon follows no function, which has no base rate", () => {
  const lr = () => 0.02, adamLr = 3e-4;
  const message =
    "Cannot create Muon: lr must be a number or a scheduler with adamLr: current value is a function";
  const w = new ParamState(tf.zeros([2])), b = new ParamState(tf.zeros([2]));
  using muon = new optim.Muon({ adamLr }).registerTrainableWeights({ w });
  for (
    const make of [
      () => new optim.Muon({ lr, adamLr }),
      () => optim.muon({ lr, adamLr }),
      () => muon.addParamGroup({ b }, { lr }),
    ]
  ) assertThrows(make, TypeError, message);
  new optim.Muon({ lr });
});

onEachBackend(
  "Muon takes the same steps fused and composed, within rounding",
  async () => {
    const run = async () => {
      const w = new ParamState(tf.ones([6, 8]));
      const optimizer = new optim.Muon({ lr: 0.1 })
        .registerTrainableWeights({ w });
      for (let k = 1; k <= 5; k++) {
        optimizer.step({ w: tf.reshape(tf.sin(tf.range(k, 48 + k)), [6, 8]) });
      }
      const values = [...await w.value.data()];
      optimizer.dispose();
      return values;
    };
    const fused = await run(), composed = await withoutFusion(run);
    fused.forEach((x, i) => assert(Math.abs(x - composed[i]!) < 1e-4));
  },
  { only: ["wasm", "webgpu"] },
);
