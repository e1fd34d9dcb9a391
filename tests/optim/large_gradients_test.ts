/** Gradients with squares beyond float32. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";

type AnyOptimizer = optim.Optimizer<optim.OptimizerOptions>;

/** The first element of a vector gets `firsts`, all others get 1. */
async function after(
  optimizer: AnyOptimizer,
  firsts: readonly number[],
): Promise<number[]> {
  const w = new ParamState(tf.tensor1d([1, -1]));
  const m = new ParamState(tf.ones([3, 4]));
  optimizer.registerTrainableWeights({ w, m });
  for (const first of firsts) {
    const ones = Array<number>(11).fill(1);
    optimizer.step({
      w: tf.tensor1d([first, 1]),
      m: tf.tensor2d([first, ...ones], [3, 4]),
    });
  }
  const values = [...await w.value.data(), ...await m.value.data()];
  optimizer.dispose();
  w.dispose();
  m.dispose();
  return values;
}

/** Options with which a step is as long as the gradient, or its square. */
const LINEAR = ["linesearch", "scaleInitPrecond", "trustMask"];

for (const [name, { make, scenes }] of Object.entries(OPTIMIZERS)) {
  onEachBackend(
    `${name}: one gradient of 1e19 to 1e38, then ordinary ones, leave numbers`,
    async (backend) => {
      const options: object[] = [{}];
      for (const [option, scene] of Object.entries(scenes)) {
        if (LINEAR.includes(option)) continue;
        for (const value of scene.values) {
          options.push({ ...scene.with, [option]: value });
        }
      }
      if (name === "Lookahead") options.push({ baseOptimizer: optim.adam() });
      const some = backend === "wasm" ? options : options.slice(0, 1);
      for (const each of some) {
        for (const large of [1.5e19, 2e19, 1e20, 1e25, 1e30, 1e38]) {
          const values = await after(make(each), [large, 1, -1, 1]);
          const shown = `${JSON.stringify(each)} ${large}: ${values}`;
          assert(values.every(Number.isFinite), shown);
        }
      }
    },
    { only: ["cpu", "wasm", "webgpu"] },
  );
}

/** Classes of which the steps do not depend on the scale of all gradients. */
const INVARIANT: Readonly<Record<string, object>> = {
  ...{ Adam: {}, AdamW: {}, Nadam: {}, Adamax: {}, RMSprop: {} },
  ...{ Adagrad: {}, Lamb: {}, Novograd: {}, Lion: {}, Rprop: {} },
  ...{ AdEMAMix: {}, Adopt: {}, Adan: {}, Signum: {} },
};

for (const name of Object.keys(INVARIANT)) {
  onEachBackend(
    `${name} takes the same steps where all gradients are as large as their squares allow`,
    async (backend) => {
      const path = async (scale: number) => {
        const w = new ParamState(tf.tensor1d([1, -1]));
        const options = { lr: 0.01 };
        const optimizer = OPTIMIZERS[name]!.make(options)
          .registerTrainableWeights({ w });
        for (const g of [[1, 2], [3, -1], [-2, 2], [1, 1]]) {
          optimizer.step({ w: tf.tensor1d(g.map((x) => x * scale)) });
        }
        return [...await w.value.data()];
      };
      // 1e-3 of the square is finite up to 5e20.
      const isMean = ["Adam", "AdamW", "Nadam", "Lamb"].includes(name);
      const large = await path(isMean ? 1e20 : 1e18);
      const small = await path(1e4);
      assertEquals(large.length, 2);
      large.forEach((x, i) => {
        assertAlmostEquals(x, small[i]!, 2e-6, `${backend}: ${large}`);
      });
    },
    { only: ["cpu", "wasm"] },
  );
}

/** Classes with a running mean of squares. */
const SQUARES = [
  ...["Adam", "AdamW", "RMSprop", "Adadelta", "AdaBelief", "Lamb", "Nadam"],
  ...["Novograd", "Yogi", "Adagrad", "SM3", "Adafactor", "RAdam"],
  ...["AdEMAMix", "Adopt", "Adan", "Mars", "Prodigy", "DAdaptAdamW", "Ftrl"],
];

for (const name of SQUARES) {
  onEachBackend(
    `${name}: gradients of 3e38, twice, then ordinary ones, leave numbers`,
    async () => {
      for (const sign of [1, -1]) {
        const firsts = [3e38, sign * 3e38, 1, -1];
        const values = await after(OPTIMIZERS[name]!.make(), firsts);
        assert(values.every(Number.isFinite), `${sign}: ${values}`);
      }
    },
    { only: ["cpu", "wasm", "webgpu"] },
  );
}

onEachBackend("a gradient of 1e20 is a step of lr in Adam", async () => {
  const [w] = await after(new optim.Adam({ lr: 0.01 }), [1e20]);
  assertAlmostEquals(w!, 0.99, 1e-6);
}, { only: ["cpu", "wasm"] });
