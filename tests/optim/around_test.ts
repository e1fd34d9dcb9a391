/** Cautious steps and centralized gradients, around several optimizers. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../../autodiff/mod.ts";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { disposeAll, gradients, start } from "./_problem.ts";

const NAMES = ["scalar", "vector", "matrix", "zero"];
const STEPS = 8;

type AnyOptimizer = optim.Optimizer<optim.OptimizerOptions>;

/** Elementwise rules, and rules of whole tensors. */
const BASES: Readonly<Record<string, () => AnyOptimizer>> = {
  AdamW: () => new optim.AdamW({ lr: 0.01, weightDecay: 0.1 }),
  Lion: () => new optim.Lion({ lr: 0.01 }),
  Momentum: () => new optim.Momentum({ lr: 0.1 }),
  Lamb: () => new optim.Lamb({ lr: 0.01 }),
  "SGD that clips": () => new optim.SGD({ lr: 0.1, gradClipNorm: 1 }),
  Muon: () => new optim.Muon({ lr: 0.02 }),
  SM3: () => new optim.SM3({ lr: 0.1 }),
  Adafactor: () => new optim.Adafactor({ lr: 0.01 }),
} as unknown as Record<string, () => AnyOptimizer>;

type Params = Readonly<Record<string, ParamState>>;
type Values = Record<string, number[]>;

async function read(tensors: Readonly<Record<string, tf.Tensor>>) {
  const values: Values = {};
  for (const [name, x] of Object.entries(tensors)) {
    values[name] = [...await x.data()];
  }
  return values;
}

const valuesOf = (params: Params) =>
  read(Object.fromEntries(NAMES.map((n) => [n, params[n]!.value])));

/** `after - before` where it goes down the gradient, as in timm. */
function cautious(before: number[], after: number[], g: number[]): number[] {
  const u = after.map((x, i) => x - before[i]!);
  const kept = u.map((x, i) => x * g[i]! < 0 ? 1 : 0);
  const share = kept.reduce<number>((a, b) => a + b, 0) / kept.length;
  return u.map((x, i) => before[i]! + x * kept[i]! / Math.max(share, 1e-3));
}

/** Steps of `around`, each beside one of `base` from the same point. */
async function follow(
  base: AnyOptimizer,
  around: AnyOptimizer,
  change: (g: tf.Tensor, name: string) => tf.Tensor,
  expected: (before: number[], after: number[], g: number[]) => number[],
) {
  const params = start(NAMES), plain = start(NAMES);
  around.registerTrainableWeights(params);
  base.registerTrainableWeights(plain);
  for (let k = 1; k <= STEPS; k++) {
    for (const name of NAMES) plain[name]!.value = params[name]!.value;
    const before = await valuesOf(params);
    const grads = gradients(NAMES, k), g = await read(grads);
    const changed = Object.fromEntries(
      NAMES.map((n) => [n, tf.tidy(() => change(grads[n]!, n))]),
    );
    base.step(changed);
    around.step(grads);
    const after = await valuesOf(plain), actual = await valuesOf(params);
    for (const name of NAMES) {
      expected(before[name]!, after[name]!, g[name]!).forEach((x, i) =>
        assertAlmostEquals(actual[name]![i]!, x, 3e-6, `${k}: ${name}[${i}]`)
      );
    }
  }
  base.dispose();
  around.dispose();
  disposeAll(params);
  disposeAll(plain);
}

/** The gradient of each output less its mean. */
function centralized(g: tf.Tensor): tf.Tensor {
  if (g.rank < 2) return tf.clone(g);
  const outputs = g.shape.at(-1)!, rows = tf.reshape(g, [-1, outputs]);
  return tf.reshape(tf.sub(rows, tf.mean(rows, 0)), g.shape);
}

for (const [name, make] of Object.entries(BASES)) {
  const only = name === "AdamW" || name === "Muon"
    ? ["cpu", "wasm", "webgpu"] as const
    : ["cpu", "wasm"] as const;

  onEachBackend(
    `Cautious keeps of the steps of ${name} what goes down the gradient`,
    async () => {
      const run = () =>
        follow(
          make(),
          new optim.Cautious({ baseOptimizer: make() }) as AnyOptimizer,
          (g) => tf.clone(g),
          cautious,
        );
      await assertNoLeak(run);
      await withoutFusion(run);
    },
    { only },
  );

  onEachBackend(
    `GradientCentralization gives ${name} gradients with a mean of zero`,
    async () => {
      await assertNoLeak(() => {
        const options = { baseOptimizer: make() };
        return follow(
          make(),
          new optim.GradientCentralization(options) as AnyOptimizer,
          centralized,
          (_, after) => after,
        );
      });
    },
    { only },
  );
}

onEachBackend(
  "a cautious rule before decay and rate is the cautious optimizer",
  async () => {
    const tx = optim.chain(
      optim.keepAgreeing(optim.scaleByAdam()),
      optim.addDecayedWeights(0.1),
      optim.scaleByLearningRate(),
    );
    const first = start(NAMES), second = start(NAMES);
    const one = new optim.Optimizer({ tx, lr: 0.01 })
      .registerTrainableWeights(first);
    const baseOptimizer = new optim.Adam({ lr: 0.01 });
    const two = new optim.Cautious({ baseOptimizer, weightDecay: 0.1 })
      .registerTrainableWeights(second);
    for (let k = 1; k <= STEPS; k++) {
      one.step(gradients(NAMES, k));
      two.step(gradients(NAMES, k));
    }
    const a = await valuesOf(first), b = await valuesOf(second);
    for (const name of NAMES) {
      a[name]!.forEach((x, i) => assertAlmostEquals(x, b[name]![i]!, 1e-6));
    }
    one.dispose();
    two.dispose();
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "tiny steps and gradients agree by their signs, though their product is 0",
  async () => {
    const w = new ParamState(tf.tensor1d([0, 0]));
    using optimizer = new optim.Cautious({
      baseOptimizer: optim.sgd(),
      lr: 1,
    }).registerTrainableWeights({ w });
    optimizer.step({ w: tf.tensor1d([1e-30, -1e-30]) });
    const values = await w.value.data();
    assert(values[0]! < 0 && values[1]! > 0, `${values}`);
  },
  { only: ["cpu", "wasm", "webgpu"] },
);

onEachBackend(
  "an output of one weight keeps its gradient, and no elements stay none",
  async () => {
    for (const shape of [[1, 3], [1], [], [2, 1]]) {
      const tx = optim.centralize();
      const params = { w: tf.zeros(shape) };
      const g = tf.ones(shape);
      const [{ w }] = tx.update({ w: g }, tx.init(params), params);
      const isMean = shape.join() === "2,1";
      assertEquals(await w!.array(), await tf.mul(g, isMean ? 0 : 1).array());
    }
    const params = { w: tf.zeros([0, 3]) }, tx = optim.centralize();
    const [{ w }] = tx.update(params, tx.init(params), params);
    assertEquals(w!.shape, [0, 3]);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "centralized steps leave the sum of each output's weights, in every layout",
  async () => {
    const layers = {
      linear: new nn.Linear(5, 3),
      conv: new nn.Conv2d([6, 6, 2], 3, 3),
      transposed: new nn.ConvTranspose2d([6, 6, 2], 3, 3),
    };
    const inputs = {
      linear: [4, 5],
      conv: [2, 6, 6, 2],
      transposed: [2, 6, 6, 2],
    };
    for (const [name, layer] of Object.entries(layers)) {
      const params = layer.states(ParamState);
      using optimizer = new optim.GradientCentralization({
        baseOptimizer: new optim.SGD({ lr: 0.1 }),
      }).registerTrainableWeights(params);
      const shape = inputs[name as keyof typeof inputs];
      const x = tf.randomNormal(shape, 0, 1, "float32", 3);
      const sums = () =>
        tf.tidy(() => {
          const { value } = params["weight"]!;
          return tf.sum(tf.reshape(value, [-1, 3]), 0);
        }).data();
      const before = await sums();
      const first = await params["weight"]!.value.data();
      const gradient = grad(
        () => {
          const call = layer.call as (x: tf.Tensor) => tf.Tensor;
          return tf.mean<tf.Scalar>(tf.square(call.call(layer, x)));
        },
        { states: params },
      );
      for (let k = 0; k < 3; k++) optimizer.step(gradient() as never);
      const after = await sums();
      after.forEach((x, i) => assertAlmostEquals(x, before[i]!, 1e-5, name));
      const last = await params["weight"]!.value.data();
      assert(last.some((x, i) => Math.abs(x - first[i]!) > 1e-4), name);
    }
  },
  { only: ["cpu", "wasm"] },
);
