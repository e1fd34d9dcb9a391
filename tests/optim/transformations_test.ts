/** The pure layer: chains, masks, partitions. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { mapNamed } from "../../tensors.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

type Values = Record<string, number[]>;

const START: Values = { w: [1, -2, 3], b: [0.5] };

function gradAt(t: number): Values {
  return mapNamed(START, (x) => x.map((v, i) => Math.sin(v * t + i) + 0.2));
}

const tensors = (values: Values) => mapNamed(values, (x) => tf.tensor1d(x));

/** Parameters after `steps` steps of the pure functions. */
async function pure(
  tx: optim.GradientTransformation,
  steps = 4,
  extra?: optim.UpdateExtra,
): Promise<Values> {
  let params: Record<string, tf.Tensor> = tensors(START),
    state = tx.init(params);
  for (let t = 1; t <= steps; t++) {
    const [updates, next] = tx.update(tensors(gradAt(t)), state, params, extra);
    params = optim.applyUpdates(params, updates);
    state = next;
  }
  const values: Values = {};
  for (const path in params) values[path] = await numbers(params[path]!);
  return values;
}

/** The same by the class. */
async function stateful(
  tx: optim.GradientTransformation,
  steps = 4,
): Promise<Values> {
  const params = mapNamed(START, (x) => new ParamState(tf.tensor1d(x)));
  const optimizer = new optim.Optimizer({ tx }).registerTrainableWeights(
    params,
  );
  for (let t = 1; t <= steps; t++) optimizer.step(tensors(gradAt(t)));
  const values: Values = {};
  for (const path in params) values[path] = await numbers(params[path]!.value);
  return values;
}

function assertAllClose(actual: Values, expected: Values): void {
  assertEquals(Object.keys(actual), Object.keys(expected));
  for (const path in expected) {
    expected[path]!.forEach((x, i) =>
      assertAlmostEquals(actual[path]![i]!, x, 1e-6, `${path}[${i}]`)
    );
  }
}

/** A transformation without its rule: what chain cannot fuse. */
const opaque = ({ init, update }: optim.GradientTransformation) => ({
  init,
  update,
});

onEachBackend(
  "a chain is its parts one after another, fused or not",
  async () => {
    const parts = () => [
      optim.clipByGlobalNorm(1),
      optim.addDecayedWeights(0.1),
      optim.trace({ decay: 0.9 }),
      optim.scaleByAdam(),
      optim.trace({ decay: 0.5, nesterov: true }),
      optim.scaleByTrustRatio(),
      optim.scaleByLearningRate(0.1),
    ];
    const fused = optim.chain(...parts());
    assert(fused.rule);
    assertEquals(Object.keys(fused.rule("w", [3]).slots), [
      "velocity",
      "m",
      "v",
      "velocity_2",
    ]);
    const apart = optim.chain(...parts().map(opaque));
    assertEquals(apart.rule, undefined);
    const mixed = parts();
    mixed[3] = opaque(mixed[3]!);
    const expected = await pure(fused);
    assertAllClose(await pure(apart), expected);
    assertAllClose(await pure(optim.chain(...mixed)), expected);
    for (const tx of [fused, apart, optim.chain(...mixed)]) {
      assertAllClose(await stateful(tx), expected);
    }
  },
);

onEachBackend("a chain of nothing changes nothing", async () => {
  const [updates] = optim.chain().update(
    tensors(START),
    optim.chain().init(tensors(START)),
    tensors(START),
  );
  assertEquals(await numbers(updates["w"]!), START["w"]!);
}, { only: ["cpu"] });

onEachBackend(
  "an update disposes nothing and returns new tensors",
  async () => {
    const tx = optim.adamw();
    await assertNoLeak(() => {
      const params = tensors(START), grads = tensors(gradAt(1));
      const state = tx.init(params);
      const before = tf.memory().numTensors;
      const [updates, next] = tx.update(grads, state, params);
      assertEquals(tf.memory().numTensors, before + 6); // w and b: update, m, v
      assertEquals(state.steps, { w: 0, b: 0 });
      assertEquals(next.steps, { w: 1, b: 1 });
      for (const some of [params, grads, updates]) tf.dispose(some);
      for (const { slots } of [state, next]) {
        for (const some of Object.values(slots)) tf.dispose({ ...some });
      }
    });
  },
);

onEachBackend(
  "the rate is that of the option, or of the optimizer",
  async () => {
    const w = new ParamState(tf.tensor1d([0]));
    const step = async (tx: optim.GradientTransformation) => {
      using optimizer = new optim.Optimizer({ tx, lr: 0.5 })
        .registerTrainableWeights({ w });
      const [before] = await numbers(w.value);
      optimizer.step({ w: tf.tensor1d([1]) });
      return before! - (await numbers(w.value))[0]!;
    };
    assertAlmostEquals(await step(optim.sgd()), 0.5, 1e-6);
    assertAlmostEquals(await step(optim.sgd({ lr: 0.25 })), 0.25, 1e-6);
    assertAlmostEquals(
      await step(optim.sgd({ lr: (n) => 0.1 + n })),
      0.1,
      1e-6,
    );
    const scheduler = new optim.StepLR({
      baseLr: 0.2,
      stepSize: 1,
      gamma: 0.5,
    });
    scheduler.step();
    assertAlmostEquals(await step(optim.sgd({ lr: scheduler })), 0.1, 1e-6);
  },
  { only: ["cpu"] },
);

onEachBackend("a partition treats each parameter by its label", async () => {
  const label = (path: string) => path === "w" ? "adam" : "sgd";
  const parts = { adam: optim.adam({ lr: 0.1 }), sgd: optim.sgd({ lr: 0.2 }) };
  const [both, adam, sgd] = await Promise.all([
    stateful(optim.partition(label, parts)),
    stateful(parts.adam),
    stateful(parts.sgd),
  ]);
  assertEquals(both, { w: adam["w"]!, b: sgd["b"]! });
  // and with a part that is no rule
  const mixed = { ...parts, adam: opaque(parts.adam) };
  assertAllClose(await stateful(optim.partition(label, mixed)), both);
  assertAllClose(await pure(optim.partition(label, mixed)), both);
});

onEachBackend(
  "clipping by norm in a partition sees its own label only",
  async () => {
    const clipped = optim.chain(
      optim.clipByGlobalNorm(1),
      optim.sgd({ lr: 1 }),
    );
    const tx = optim.partition((path) => path, { w: clipped, b: clipped });
    const params = tensors({ w: [0, 0], b: [0] });
    const [updates] = tx.update(
      tensors({ w: [3, 4], b: [10] }),
      tx.init(params),
      params,
    );
    const [x, y] = await numbers(updates["w"]!);
    assertAlmostEquals(x!, -0.6, 1e-6);
    assertAlmostEquals(y!, -0.8, 1e-6);
    assertAlmostEquals((await numbers(updates["b"]!))[0]!, -1, 1e-6);
  },
);

onEachBackend("a mask limits, and freezes", async () => {
  const base = await stateful(optim.sgd({ lr: 0.1 }));
  const frozen = optim.chain(optim.sgd({ lr: 0.1 }), optim.freeze(/^b$/));
  assertEquals(await stateful(frozen), { w: base["w"]!, b: START["b"]! });
  const some = optim.chain(
    optim.masked(optim.setToZero(), (_, shape) => shape[0] === 3),
    optim.sgd({ lr: 0.1 }),
  );
  assertEquals(await stateful(some), { w: START["w"]!, b: base["b"]! });
}, { only: ["cpu", "wasm"] });

onEachBackend("a label without a transformation is refused", () => {
  const tx = optim.partition(() => "c", { a: optim.sgd() });
  assertThrows(
    () => tx.init(tensors(START)),
    RangeError,
    'the label of "w" must be one of a: current value is c',
  );
}, { only: ["cpu"] });

onEachBackend("Lookahead takes any optimizer or transformation", async () => {
  const sgd = optim.sgd({ lr: 0.1 });
  const [slow] = await Promise.all([
    stateful(optim.lookahead({ baseOptimizer: sgd, syncPeriod: 2 })),
  ]);
  for (
    const baseOptimizer of [new optim.SGD({ lr: 0.1 }), sgd, opaque(sgd)]
  ) {
    const params = mapNamed(START, (x) => new ParamState(tf.tensor1d(x)));
    const optimizer = new optim.Lookahead({ baseOptimizer, syncPeriod: 2 })
      .registerTrainableWeights(params);
    for (let t = 1; t <= 4; t++) optimizer.step(tensors(gradAt(t)));
    for (const path in params) {
      const actual = await numbers(params[path]!.value);
      actual.forEach((x, i) => assertAlmostEquals(x, slow![path]![i]!, 1e-6));
    }
  }
  // The rate of the optimizer inside is that of the one around it.
  const q = new ParamState(tf.scalar(0));
  using follower = new optim.Lookahead({
    baseOptimizer: new optim.SGD({ lr: (step) => step }),
    syncPeriod: 100,
  }).registerTrainableWeights({ q });
  for (let t = 0; t < 4; t++) follower.step({ q: tf.scalar(1) });
  assertEquals(await numbers(q.value), [-(0 + 1 + 2 + 3)]);
  // The documented example: g = 1, lr 0.1, k = 3.
  const p = new ParamState(tf.scalar(0)), seen: number[] = [];
  using optimizer = new optim.Lookahead({
    baseOptimizer: new optim.SGD({ lr: 0.1 }),
    syncPeriod: 3,
  }).registerTrainableWeights({ p });
  for (let t = 0; t < 7; t++) {
    optimizer.step({ p: tf.scalar(1) });
    seen.push(...await numbers(p.value));
  }
  [-0.1, -0.2, -0.15, -0.25, -0.35, -0.3, -0.4].forEach((x, i) =>
    assertAlmostEquals(seen[i]!, x, 1e-6)
  );
}, { only: ["cpu", "wasm"] });

Deno.test("a slot called update, param or next is refused", () => {
  for (const name of ["update", "param", "next"]) {
    const rule = {
      slots: { [name]: 0 },
      scalars: {},
      update: ({ update }: { update: optim.Expr }) => ({ update }),
    };
    assertThrows(
      () => optim.elementwise(rule as unknown as optim.ElementwiseRule),
      RangeError,
      `current value is "${name}"`,
    );
  }
});

onEachBackend("a rule that does not return all expressions is refused", () => {
  const cases = [
    [undefined, "mean must be an expression: current value is undefined"],
    [{ update: 1 }, "update must be an expression: current value is 1"],
  ] as const;
  for (const [returned, message] of cases) {
    const tx = optim.elementwise({
      slots: { mean: 0 },
      update: ({ update }) => ({ update, ...returned }) as never,
    });
    assertThrows(
      () => new optim.Optimizer({ tx, lr: 1 }),
      TypeError,
      `Cannot record the rule of elementwise: what update returns as ${message}`,
    );
  }
}, { only: ["cpu"] });

onEachBackend("a custom class has its own options", async () => {
  class Scaled extends optim.Optimizer<
    optim.OptimizerOptions & { readonly factor?: number }
  > {
    protected override defaultTx({ factor = 1 }: { factor?: number }) {
      return optim.chain(
        optim.elementwise({
          slots: {},
          scalars: { factor: () => factor },
          update: ({ update }, s) => ({ update: update.mul(s.factor) }),
        }),
        optim.scaleByLearningRate(),
      );
    }
  }
  const w = new ParamState(tf.scalar(1)), v = new ParamState(tf.scalar(1));
  using optimizer = new Scaled({ lr: 0.1, factor: 2 })
    .registerTrainableWeights({ w }).addParamGroup({ v }, { factor: 5 });
  optimizer.step({ w: tf.scalar(1), v: tf.scalar(1) });
  assertAlmostEquals((await numbers(w.value))[0]!, 0.8, 1e-6);
  assertAlmostEquals((await numbers(v.value))[0]!, 0.5, 1e-6);
}, { only: ["cpu"] });
