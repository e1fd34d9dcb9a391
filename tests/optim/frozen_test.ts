/** Freezing and unfreezing after the optimizer was made. */
import { assertEquals, assertNotEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { fit } from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";

function start() {
  return scope(() => ({
    a: new ParamState(tf.tensor1d([1, 2])),
    b: new ParamState(tf.tensor2d([[1, -1], [2, -2]])),
  }));
}

function gradients(k: number) {
  return {
    a: tf.tensor1d([Math.cos(k), 1]),
    b: tf.tensor2d([[1, -Math.sin(k)], [0.5, 2]]),
  };
}

const read = async (state: ParamState) => [...await state.value.data()];

for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name} leaves frozen parameters, and their state, until they are unfrozen`,
    async () => {
      await assertNoLeak(async () => {
        const params = start(), alone = start();
        const options = { lr: 0.1, gradClipNorm: 100 };
        const optimizer = make(options).registerTrainableWeights(params);
        // The same, in which only b ever has gradients in these steps.
        const other = make(options).registerTrainableWeights({ b: alone.b });
        params.a.frozen = true;
        for (let k = 1; k <= 3; k++) {
          optimizer.step(gradients(k));
          const { a, b } = gradients(k);
          a.dispose();
          other.step({ b });
        }
        assertEquals(await read(params.a), [1, 2]);
        assertEquals(await read(params.b), await read(alone.b));
        assertEquals(optimizer.optState.steps["a"], 0);
        params.a.frozen = false;
        params.b.frozen = true;
        const before = await read(params.b);
        for (let k = 4; k <= 6; k++) optimizer.step(gradients(k));
        assertEquals(await read(params.b), before);
        assertNotEquals(await read(params.a), [1, 2]);
        assertEquals(optimizer.stepCount, 6);
        params.a.frozen = true;
        optimizer.step(gradients(7)); // all are frozen
        assertEquals(await read(params.b), before);
        optimizer.dispose();
        other.dispose();
        for (const p of [params, alone]) {
          for (const s of Object.values(p)) s.dispose();
        }
      });
    },
    { only: ["cpu", "wasm"] },
  );
}

onEachBackend("a frozen parameter's gradient is not in the norm", async () => {
  const { a, b } = start();
  const optimizer = new optim.SGD({ lr: 1, gradClipNorm: 1 })
    .registerTrainableWeights({ a, b });
  a.frozen = true;
  optimizer.step({
    a: tf.tensor1d([1e6, 0]),
    b: tf.tensor2d([[0, 0], [0, 4]]),
  });
  assertEquals(await read(b), [1, -1, 2, -3]);
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "nn.freeze in the middle of fit acts from the next step on",
  async () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
    const params = model.states(ParamState);
    using optimizer = new optim.Adam({ lr: 0.1 }).registerTrainableWeights(
      params,
    );
    let frozen: number[] = [], first: number[] = [];
    const weight = params["layers.0.weight"]!;
    await fit({
      optimizer: optimizer as unknown as optim.Optimizer,
      loss: (x: tf.Tensor2D) => tf.mean(tf.square(model.call(x))) as tf.Scalar,
      data: {
        *[Symbol.iterator]() {
          for (let k = 0; k < 3; k++) yield [tf.ones([4, 2])];
        },
      },
      epochs: 3,
      callbacks: [{
        async onEpoch(run: { epoch: number }) {
          if (run.epoch === 1) {
            nn.freeze(model, "layers.0");
            frozen = await read(weight);
          } else if (run.epoch === 2) {
            first = await read(weight);
            nn.unfreeze(model);
          }
        },
      }],
    } as never);
    assertEquals(first, frozen);
    assertNotEquals(await read(weight), frozen);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "L-BFGS searches along the parameters that are not frozen",
  async () => {
    const a = new ParamState(tf.tensor1d([3])),
      b = new ParamState(tf.tensor1d([2]));
    const closure = () => ({
      value: tf.tidy(() =>
        tf.sum(tf.add(tf.square(a.value), tf.square(b.value)))
      ),
      grads: { a: tf.mul(a.value, 2), b: tf.mul(b.value, 2) },
    });
    using optimizer = new optim.LBFGS({ linesearch: "zoom", gradClipNorm: 1e3 })
      .registerTrainableWeights({ a, b });
    b.frozen = true;
    for (let k = 0; k < 4; k++) await optimizer.step(closure);
    assertEquals((await read(a)).map((x) => Math.abs(x) < 1e-5), [true]);
    assertEquals(await read(b), [2]);
    b.frozen = false;
    for (let k = 0; k < 4; k++) await optimizer.step(closure);
    assertEquals((await read(b)).map((x) => Math.abs(x) < 1e-5), [true]);
  },
  { only: ["cpu", "wasm"] },
);
