/** Parameters without elements, and steps far away. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";

for (const [name, { make, scenes }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name} takes parameters without elements, with each of its options`,
    async () => {
      const sets: object[] = [{}];
      for (const [option, scene] of Object.entries(scenes)) {
        if (option === "linesearch") continue;
        for (const value of scene.values) {
          sets.push({ ...scene.with, [option]: value });
        }
      }
      const train = async (options: object) => {
        const { e, f, w } = scope(() => ({
          e: new ParamState(tf.zeros([0])),
          f: new ParamState(tf.zeros([3, 0])),
          w: new ParamState(tf.tensor1d([1, 2])),
        }));
        const optimizer = make(options).registerTrainableWeights({ e, f, w });
        for (let k = 0; k < 6; k++) {
          optimizer.step({
            e: tf.zeros([0]),
            f: tf.zeros([3, 0]),
            w: tf.tensor1d([1, k % 2 ? -1 : 2]),
          });
        }
        assertEquals([e.value.shape, f.value.shape], [[0], [3, 0]]);
        const values = [...await w.value.data()];
        assert(values.every(Number.isFinite), `${values}`);
        optimizer.dispose();
        for (const state of [e, f, w]) state.dispose();
      };
      for (const options of sets) {
        await assertNoLeak(() => train(options));
        await assertNoLeak(() => withoutFusion(() => train(options)));
      }
    },
    { only: ["cpu", "wasm"] },
  );

  onEachBackend(
    `${name} takes a step at once after a billion of them`,
    async () => {
      const w = new ParamState(tf.tensor1d([1, 2]));
      const optimizer = make().registerTrainableWeights({ w });
      const state = optimizer.stateDict();
      optimizer.loadStateDict({ ...state, stepCount: 1e9, steps: { w: 1e9 } });
      const start = performance.now();
      for (let k = 0; k < 3; k++) optimizer.step({ w: tf.tensor1d([1, -1]) });
      assert(performance.now() - start < 1000);
      assertEquals(optimizer.stepCount, 1e9 + 3);
      const values = [...await w.value.data()];
      assert(values.every(Number.isFinite), `${values}`);
      optimizer.dispose();
    },
    { only: ["cpu", "wasm"] },
  );
}

onEachBackend(
  "Nadam has the products of its momentum at any step",
  async () => {
    for (const momentumDecay of [4e-3, 0.5, 0]) {
      const momentum = (t: number) =>
        0.9 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
      for (const t of [1, 2, 10, 500]) {
        let product = 1;
        for (let i = 1; i <= t; i++) product *= momentum(i);
        const w = new ParamState(tf.scalar(0));
        const optimizer = new optim.Nadam({ lr: 1, momentumDecay, eps: 0 })
          .registerTrainableWeights({ w });
        const state = optimizer.stateDict();
        optimizer.loadStateDict({
          ...state,
          stepCount: t - 1,
          steps: { w: t - 1 },
        });
        optimizer.step({ w: tf.scalar(1) });
        const root = Math.sqrt(1e-3 / (1 - 0.999 ** t));
        const ahead = momentum(t + 1) / (1 - product * momentum(t + 1));
        const step = ((1 - momentum(t)) / (1 - product) + 0.1 * ahead) / root;
        const [value] = await w.value.data();
        assertAlmostEquals(value!, -step, 1e-5 * step);
        optimizer.dispose();
      }
    }
  },
  { only: ["cpu", "wasm"] },
);

/** What every object inherits. */
const INHERITED = ["constructor", "toString", "hasOwnProperty", "valueOf"];

for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name} takes parameters named constructor, toString, hasOwnProperty`,
    async () => {
      const train = async (names: readonly string[]) => {
        const params = Object.fromEntries(
          names.map((n) => [n, new ParamState(tf.ones([2, 2]))]),
        );
        const optimizer = make().registerTrainableWeights(params);
        for (let k = 0; k < 4; k++) {
          // All at the same steps for L-BFGS, some at some for the others.
          const some = name === "LBFGS" ? names : names.slice(k % 2, 3);
          optimizer.step(Object.fromEntries(
            some.map((n, i) => [n, tf.tensor2d([[1, i], [-k, 2]])]),
          ));
          if (k !== 1) continue;
          optimizer.loadStateDict(optimizer.stateDict());
        }
        const values = await Promise.all(
          Object.values(params).map((p) => p.value.data()),
        );
        optimizer.dispose();
        return values.map((x) => [...x]);
      };
      assertEquals(await train(INHERITED), await train(["a", "b", "c", "d"]));
    },
    { only: ["cpu", "wasm"] },
  );
}

onEachBackend("a parameter called __proto__ is refused", () => {
  const params = Object.defineProperty({}, "__proto__", {
    value: new ParamState(tf.scalar(1)),
    enumerable: true,
  });
  assertThrows(
    () => new optim.SGD().registerTrainableWeights(params),
    RangeError,
    "the path of a parameter must be other than __proto__",
  );
}, { only: ["cpu"] });

onEachBackend(
  "gradients and updates are own properties of their records",
  () => {
    const w = new ParamState(tf.scalar(1));
    const optimizer = new optim.SGD().registerTrainableWeights({ w });
    assertThrows(
      () => optimizer.step({ constructor: tf.scalar(1) } as never),
      RangeError,
      'no parameter is registered as "constructor"',
    );
    assertThrows(
      () => optimizer.step({}),
      RangeError,
      "there must be a gradient of at least one parameter",
    );
    const applied = optim.applyUpdates({ toString: w.value } as never, {});
    assertEquals(Object.keys(applied), ["toString"]);
    assertThrows(
      () => optim.applyUpdates({ w: w.value }, { v: tf.scalar(1) }),
      RangeError,
      'current value is "v"',
    );
  },
  { only: ["cpu"] },
);
