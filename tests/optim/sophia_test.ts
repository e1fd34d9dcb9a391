/** Sophia's estimates of the Hessian, by hand, in `train.step` and in `fit`. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import {
  grad,
  type GradsOf,
  hessianVectorProduct,
} from "../../autodiff/mod.ts";
import { compile } from "../../compile.ts";
import { scope } from "../../memory.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

/** A loss whose Hessian is not diagonal. */
function setup(options: optim.SophiaOptions = {}) {
  const params = scope(() => ({
    w: new ParamState(tf.tensor2d([[1, -2], [0.5, 3]])),
    b: new ParamState(tf.tensor1d([0.3, -0.7])),
  }));
  const optimizer = new optim.Sophia({ lr: 0.01, gamma: 1, ...options })
    .registerTrainableWeights(params);
  const loss = (x: tf.Tensor2D) => {
    const y = tf.tanh(tf.add(tf.matMul(x, params.w.value), params.b.value));
    return tf.mean<tf.Scalar>(tf.square(y));
  };
  return { params, optimizer, loss };
}

function input(): tf.Tensor2D {
  return tf.tensor2d([[0.5, 1], [-1, 0.25], [0.75, -0.5]]);
}

async function valuesOf(params: Readonly<Record<string, ParamState>>) {
  const all = Object.values(params).map(({ value }) => value.data());
  return (await Promise.all(all)).flatMap((x) => [...x]);
}

for (const distribution of ["gaussian", "rademacher"] as const) {
  onEachBackend(
    `the mean of estimates with ${distribution} numbers is the diagonal of the Hessian`,
    async () => {
      random.seed(3);
      const { params, optimizer, loss } = setup({
        distribution,
        betas: [0, 0.999],
        random: new random.RandomState(5),
      });
      const x = input();
      const product = hessianVectorProduct(() => loss(x), params);
      const count = 1500;
      for (let k = 0; k < count; k++) optimizer.updateHessian(product);
      const { h } = optimizer.optState.slots;
      // By central differences of gradients.
      const gradient = grad(() => loss(x), { states: params });
      for (const path of ["w", "b"] as const) {
        const state = params[path], start = tf.clone(state.value);
        const found = await h![path]!.data();
        const share = 1 - 0.999 ** count;
        for (let i = 0; i < start.size; i++) {
          const ends = [];
          for (const step of [1e-2, -1e-2]) {
            scope(() => {
              const nudge = tf.reshape(
                tf.oneHot(tf.tensor1d([i], "int32"), start.size),
                start.shape,
              );
              state.value = tf.add(start, tf.mul(nudge, step)) as never;
            });
            ends.push((await gradient()[path].data())[i]!);
          }
          state.value = start as never;
          const exact = (ends[0]! - ends[1]!) / 2e-2;
          const error = Math.abs(found[i]! / share - exact);
          assert(error < 0.05, `${path}[${i}]: ${found[i]! / share}, ${exact}`);
        }
      }
      optimizer.dispose();
    },
    { only: ["cpu", "wasm"] },
  );
}

onEachBackend(
  "train.step and fit estimate where it is due, with the bits of a loop by hand",
  async () => {
    const steps = 7, options = { updatePeriod: 3 };
    const byHand = async () => {
      random.seed(2);
      const { params, optimizer, loss } = setup(options);
      const lossGrad = grad(loss, { states: params });
      const product = hessianVectorProduct(loss, params);
      const due: number[] = [], x = input();
      let steady = 0;
      for (let k = 0; k < steps; k++) {
        if (optimizer.isHessianDue) {
          due.push(k);
          optimizer.updateHessian((vector: GradsOf<typeof params>) =>
            product(vector, x)
          );
        }
        optimizer.step(lossGrad(x));
        if (k === 1) steady = tf.memory().numTensors;
      }
      assertEquals(tf.memory().numTensors, steady);
      assertEquals(due, [0, 3, 6]);
      return await valuesOf(params);
    };
    const byStep = async (isCompiled: boolean) => {
      random.seed(2);
      const { params, optimizer, loss } = setup(options);
      const plain = train.step(loss, optimizer), x = input();
      using compiled = compile(plain, { onFallback: "ignore" });
      for (let k = 0; k < steps; k++) {
        (isCompiled ? compiled : plain)(x).dispose();
      }
      return await valuesOf(params);
    };
    const byFit = async (compile: boolean) => {
      random.seed(2);
      const { params, optimizer, loss } = setup(options);
      const data = () => [[input()]] as [tf.Tensor2D][];
      await train.fit({ optimizer, loss, data, steps, compile });
      return await valuesOf(params);
    };
    const expected = await byHand();
    assertEquals(await byStep(false), expected);
    assertEquals(await byStep(true), expected);
    assertEquals(await byFit(false), expected);
    assertEquals(await byFit(true), expected);
  },
);

onEachBackend(
  "what is drawn comes from the stream, and frozen parameters have no part",
  async () => {
    const estimate = async (options: optim.SophiaOptions, isFrozen = false) => {
      const { params, optimizer } = setup(options);
      params.b.frozen = isFrozen;
      let drawn: number[] = [];
      await assertNoLeak(() =>
        optimizer.updateHessian((vector) => {
          drawn = [...vector["w"]!.dataSync(), ...vector["b"]!.dataSync()];
          return { w: tf.ones([2, 2]), b: tf.ones([2]) };
        })
      );
      const { w, b } = optimizer.optState.slots["h"]!;
      const found = [...await w!.data(), ...await b!.data()];
      optimizer.dispose();
      return { drawn, found };
    };
    const own = () => ({ random: new random.RandomState(9) });
    const { drawn, found } = await estimate(own());
    assertEquals((await estimate(own())).drawn, drawn);
    found.forEach((x, i) => assert(Math.abs(x - 0.01 * drawn[i]!) < 1e-7));
    const signs = await estimate({ ...own(), distribution: "rademacher" });
    assert(signs.drawn.every((x) => Math.abs(x) === 1), `${signs.drawn}`);
    const frozen = await estimate(own(), true);
    assertEquals([frozen.drawn.slice(4), frozen.found.slice(4)], [[0, 0], [
      0,
      0,
    ]]);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "Sophia goes back to a saved step, and estimates the Hessian there again",
  async () => {
    await assertNoLeak(() => {
      const { params, optimizer, loss } = setup({ updatePeriod: 2 });
      const x = input();
      const product = hessianVectorProduct(() => loss(x), params);
      const gradient = grad(() => loss(x), { states: params });
      const go = () => {
        const isDue = optimizer.isHessianDue;
        if (isDue) optimizer.updateHessian(product);
        optimizer.step(gradient());
        return isDue;
      };
      assertEquals([go(), go()], [true, false]);
      const state = optimizer.stateDict();
      assert(go());
      optimizer.loadStateDict(state);
      assert(optimizer.isHessianDue);
      assertEquals([go(), go()], [true, false]);
      tf.dispose(Object.values(state.slots).map((slots) => ({ ...slots })));
      tf.dispose(x);
      optimizer.dispose();
      for (const each of Object.values(params)) each.dispose();
    });
  },
  { only: ["cpu"] },
);

Deno.test("Sophia refuses a step without its estimate, and products that do not fit", async () => {
  await useBackend("cpu");
  const { optimizer } = setup();
  const gradients = () => ({ w: tf.zeros([2, 2]), b: tf.zeros([2]) });
  assertThrows(
    () => optimizer.step(gradients()),
    Error,
    "Cannot step Sophia: its Hessian is due: call updateHessian(product) before this step",
  );
  await assertNoLeak(() => {
    assertThrows(
      () => optimizer.updateHessian(() => ({ w: tf.ones([2, 2]) })),
      RangeError,
      'Cannot update the Hessian of Sophia: the product of "b" must be a tensor of shape [2]',
    );
    assertThrows(
      () =>
        optimizer.updateHessian(() => {
          throw new Error("no product");
        }),
      Error,
      "no product",
    );
  });
  assertEquals(
    [...await optimizer.optState.slots["h"]!["w"]!.data()],
    [0, 0, 0, 0],
  );
  assertThrows(
    () => optimizer.updateHessian(3 as never),
    TypeError,
    "Cannot update the Hessian of Sophia: product must be a function: current value is 3",
  );
  assert(optimizer.isHessianDue);
  optimizer.updateHessian(gradients);
  assert(!optimizer.isHessianDue);
  optimizer.step(gradients());
});
