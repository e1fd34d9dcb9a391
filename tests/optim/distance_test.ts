/** The distance that Prodigy and D-Adaptation estimate: one for all parameters. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

const CLASSES = { Prodigy: optim.Prodigy, DAdaptAdamW: optim.DAdaptAdamW };

const GOAL = { a: [3, -2, 5], b: [-4, 1] };

function start() {
  return scope(() => ({
    a: new ParamState(tf.zeros([3])),
    b: new ParamState(tf.zeros([2])),
  }));
}

/** The gradients of ½ ‖x - goal‖². */
function towardGoal(params: ReturnType<typeof start>) {
  return {
    a: tf.tidy(() => tf.sub(params.a.value, GOAL.a)),
    b: tf.tidy(() => tf.sub(params.b.value, GOAL.b)),
  };
}

/** The copies of the estimate. */
async function copies(
  optimizer: optim.Prodigy | optim.DAdaptAdamW,
): Promise<Record<string, number>> {
  const { d } = optimizer.optState.slots;
  const found: Record<string, number> = {};
  for (const [path, x] of Object.entries(d!)) {
    found[path] = (await x.data())[0]!;
  }
  return found;
}

for (const [name, Class] of Object.entries(CLASSES)) {
  onEachBackend(
    `${name} without a rate finds the size of its steps, and the minimum`,
    async () => {
      await assertNoLeak(async () => {
        const params = start();
        using optimizer = new Class({
          // It falls to 0 at the end.
          lr: new optim.LinearLR({
            baseLr: 1,
            startFactor: 1,
            endFactor: 0,
            totalIters: 400,
          }),
        }).registerTrainableWeights(params);
        const first = await optimizer.distance();
        assertEquals(first, Math.fround(1e-6));
        for (let k = 0; k < 400; k++) {
          optimizer.step(towardGoal(params));
          optimizer.lrScheduler.step();
        }
        const distance = await optimizer.distance();
        // The greatest distance of an element is 5.
        assert(distance > 0.5 && distance < 50, `${distance}`);
        const { a, b } = params;
        for (const [state, goal] of [[a, GOAL.a], [b, GOAL.b]] as const) {
          [...await state.value.data()].forEach((x, i) => {
            assert(Math.abs(x - goal[i]!) < 0.05, `${x} is not ${goal[i]}`);
          });
        }
        a.dispose();
        b.dispose();
      });
    },
    { only: ["cpu", "wasm"] },
  );

  onEachBackend(
    `${name}: a parameter that comes later goes on with the estimate of the others`,
    async () => {
      const params = start();
      using optimizer = new Class().registerTrainableWeights(params);
      params.b.frozen = true;
      for (let k = 0; k < 60; k++) optimizer.step(towardGoal(params));
      const before = await copies(optimizer);
      assert(before["a"]! > 1e-3, `${before["a"]}`);
      assertEquals(before["b"], Math.fround(1e-6));
      params.b.frozen = false;
      optimizer.step(towardGoal(params));
      const after = await copies(optimizer);
      assert(after["a"]! >= before["a"]!, `${after["a"]}`);
      assertEquals(after["b"], after["a"]);
      // Its first step is as long as those of the estimate.
      const [x] = await params.b.value.data();
      assert(Math.abs(x!) > 0.1 * before["a"]!, `${x}`);
    },
    { only: ["cpu", "wasm", "webgpu"] },
  );

  onEachBackend(
    `${name}: a parameter that had no gradients for some steps catches up`,
    async () => {
      const params = start();
      using optimizer = new Class().registerTrainableWeights(params);
      const step = (withB: boolean) => {
        const { a, b } = towardGoal(params);
        if (withB) return optimizer.step({ a, b });
        b.dispose();
        optimizer.step({ a });
      };
      step(true);
      for (let k = 0; k < 60; k++) step(false);
      const before = await copies(optimizer);
      assert(before["a"]! > 100 * before["b"]!, `${before["b"]}`);
      for (let k = 0; k < 12; k++) step(true);
      const after = await copies(optimizer);
      assert(after["a"]! >= before["a"]!);
      const ratio = after["b"]! / after["a"]!;
      assert(Math.abs(ratio - 1) < 2e-3, `${ratio}`);
    },
    { only: ["cpu", "wasm"] },
  );

  onEachBackend(
    `${name}: groups share the estimate, unless it is another one that they ask for`,
    async () => {
      const run = async (options: object) => {
        const params = start();
        using optimizer = new Class({ d0: 0.01 })
          .registerTrainableWeights({ a: params.a })
          .addParamGroup({ b: params.b }, options);
        for (let k = 0; k < 30; k++) optimizer.step(towardGoal(params));
        const { a, b } = await copies(optimizer);
        assertEquals(await optimizer.distance(), a);
        return [a, b];
      };
      const same = [
        ...[{}, { lr: 0.5 }, { weightDecay: 0.1 }],
        // As it is by default.
        ...[{ useBiasCorrection: false }, { growthRate: Infinity }],
      ];
      for (const options of same) {
        const [a, b] = await run(options);
        assertEquals(a, b, JSON.stringify(options));
      }
      const other = [{ betas: [0.8, 0.99] as const }, { d0: 0.02 }];
      for (const options of other) {
        const [a, b] = await run(options);
        assert(a !== b, JSON.stringify(options));
      }
    },
    { only: ["cpu", "wasm", "webgpu"] },
  );

  onEachBackend(`${name} has no distance without parameters`, async () => {
    using optimizer = new Class();
    await assertRejects(
      () => optimizer.distance(),
      Error,
      `Cannot read the distance of ${name}: there must be parameters`,
    );
  }, { only: ["cpu"] });
}
