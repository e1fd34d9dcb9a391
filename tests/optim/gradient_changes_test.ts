/** Adaptive clipping and noise of gradients. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { compile } from "../../compile.ts";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import golden from "../golden/transformations.json" with { type: "json" };

/** What `tx` makes of a gradient. */
function changed(
  tx: optim.GradientTransformation,
  grad: tf.Tensor,
  param = tf.zerosLike(grad),
): tf.Tensor {
  const params = { w: param };
  return tx.update({ w: grad }, tx.init(params), params)[0]["w"]!;
}

onEachBackend(
  "gradients of a convolution are clipped by output, as in timm",
  async () => {
    const shape = [3, 2, 2, 4];
    const of = (value: (i: number) => number) =>
      tf.tensor(Float32Array.from({ length: 48 }, (_, i) => value(i)), shape);
    const param = of((i) => Math.sin(1.7 * i) * (1 + i % 4));
    const grad = of((i) => Math.cos(0.9 * i) * (i % 4) ** 3);
    const tx = optim.adaptiveGradClip({ clipping: 0.5 });
    const actual = await numbers(changed(tx, grad, param));
    golden.clippedConvolution.forEach((x, i) => {
      const error = Math.abs(actual[i]! - x);
      assert(
        error < 1e-6 + 1e-6 * Math.abs(x),
        `${i}: ${actual[i]} is not ${x}`,
      );
    });
    const before = await numbers(grad);
    assert(actual.some((x, i) => x === before[i] && x !== 0));
    assert(actual.some((x, i) => x !== before[i]));
  },
);

onEachBackend(
  "a weight of zeros is clipped by eps, and a gradient of zeros stays",
  async () => {
    const grad = tf.tensor2d([[3, 0], [4, 0]]);
    const tx = optim.adaptiveGradClip({ clipping: 0.1, eps: 0.01 });
    const actual = await numbers(changed(tx, grad));
    [0.0006, 0, 0.0008, 0].forEach((x, i) =>
      assert(Math.abs(actual[i]! - x) < 1e-9, `${actual}`)
    );
  },
);

/** Noise of three steps. */
async function noise(
  options: optim.GradientNoiseOptions,
  path = "w",
): Promise<number[][]> {
  const tx = optim.addGradientNoise(options);
  const params = { [path]: tf.zeros([200, 100]) };
  let state = tx.init(params);
  const seen: number[][] = [];
  for (let k = 0; k < 3; k++) {
    const [updates, next] = tx.update(params, state, params);
    seen.push(await numbers(updates[path]!));
    state = next;
  }
  return seen;
}

onEachBackend(
  "noise has the variance that the paper says, and is new at each step",
  async () => {
    const [eta, gamma] = [0.3, 0.55];
    const steps = await noise({ eta, gamma });
    steps.forEach((xs, k) => {
      const mean = xs.reduce((a, b) => a + b, 0) / xs.length;
      const variance = xs.reduce((a, b) => a + b * b, 0) / xs.length;
      const expected = eta / (k + 1) ** gamma;
      // Five standard errors.
      assert(Math.abs(mean) < 5 * Math.sqrt(expected / xs.length), `${mean}`);
      const error = Math.abs(variance / expected - 1);
      assert(
        error < 5 * Math.sqrt(2 / xs.length),
        `${variance} of ${expected}`,
      );
    });
    for (const [a, b] of [[0, 1], [1, 2], [0, 2]] as const) {
      const product = steps[a]!.reduce(
        (sum, x, i) => sum + x * steps[b]![i]!,
        0,
      );
      const scale = eta / Math.sqrt(((a + 1) * (b + 1)) ** gamma);
      assert(Math.abs(product) < 5 * scale * Math.sqrt(20000), `${product}`);
    }
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "noise follows from the seed and the path",
  async () => {
    const [first] = await noise({});
    assertEquals((await noise({ seed: 0, eta: 0.01, gamma: 0.55 }))[0], first);
    assertNotEquals((await noise({ seed: 1 }))[0], first);
    assertNotEquals((await noise({}, "v"))[0], first);
    assertEquals((await noise({ eta: 0 }))[2], Array(20000).fill(0));
    // Without a decay, the steps are as noisy as the first.
    const [, , last] = await noise({ gamma: 0 });
    const variance = last!.reduce((a, b) => a + b * b, 0) / last!.length;
    assert(Math.abs(variance / 0.01 - 1) < 0.05, `${variance}`);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "noise goes on where a saved run stopped",
  async () => {
    await assertNoLeak(async () => {
      const make = () => {
        const w = scope(() => new ParamState(tf.zeros([5])));
        const tx = optim.chain(
          optim.addGradientNoise({ seed: 3 }),
          optim.sgd({ lr: 1 }),
        );
        const optimizer = new optim.Optimizer({ tx })
          .registerTrainableWeights({ w });
        const step = () => optimizer.step({ w: tf.zeros([5]) });
        return { w, optimizer, step };
      };
      const a = make(), b = make();
      for (let k = 0; k < 3; k++) a.step();
      const state = a.optimizer.stateDict();
      b.optimizer.loadStateDict(state);
      b.w.value = a.w.value;
      a.step();
      b.step();
      assertEquals(await numbers(b.w.value), await numbers(a.w.value));
      for (const { w, optimizer } of [a, b]) {
        optimizer.dispose();
        w.dispose();
      }
    });
  },
);

onEachBackend(
  "two steps in one compiled function have the noise of their own numbers",
  async () => {
    const run = async (isCompiled: boolean) => {
      const w = scope(() => new ParamState(tf.zeros([5])));
      const tx = optim.chain(optim.addGradientNoise(), optim.adam({ lr: 0.1 }));
      const optimizer = new optim.Optimizer({ tx })
        .registerTrainableWeights({ w });
      const plain = (g: tf.Tensor) => {
        for (const k of [1, 2]) optimizer.step({ w: tf.mul(g, k) });
        return tf.scalar(0);
      };
      using compiled = compile(plain, { onFallback: "throw" });
      for (let k = 0; k < 6; k++) {
        scope(() => void (isCompiled ? compiled : plain)(tf.fill([5], k)));
      }
      if (isCompiled) assertEquals(compiled.report().replayed, 4);
      const all = await numbers(w.value);
      optimizer.dispose();
      w.dispose();
      return all;
    };
    await assertNoLeak(async () => {
      assertEquals(await run(true), await run(false));
    });
  },
  { only: ["wasm", "webgpu"] },
);
