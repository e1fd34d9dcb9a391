/** Accumulated and skipped steps around the rule of every optimizer. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import type { Tensors } from "../../tensors.ts";
import {
  assertNoLeak,
  type EachOptions,
  FULL,
  onEachBackend,
} from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";
import { disposeAll, gradients, start } from "./_problem.ts";

const NAMES = ["scalar", "vector", "matrix", "zero"];
const only: EachOptions = {
  only: FULL ? ["cpu", "wasm", "webgpu"] : ["cpu", "wasm"],
};

async function bitsOf(tensors: Tensors): Promise<Record<string, number[]>> {
  const bits: Record<string, number[]> = {};
  for (const [path, x] of Object.entries(tensors)) {
    bits[path] = [...await x.data()];
  }
  return bits;
}

const values = (params: Record<string, ParamState>): Tensors =>
  Object.fromEntries(NAMES.map((name) => [name, params[name]!.value]));

/** Whether parameters differ by no more than a kernel may that multiplies and adds at once. */
async function assertClose(a: Tensors, b: Tensors): Promise<void> {
  const expected = await bitsOf(b);
  for (const [path, xs] of Object.entries(await bitsOf(a))) {
    xs.forEach((x, i) => {
      const y = expected[path]![i]!;
      assert(Math.abs(x - y) <= 1e-6 * Math.max(1, Math.abs(y)), `${x}, ${y}`);
    });
  }
}

/** The slots of an optimizer but those that count skipped steps. */
async function slotsOf(optimizer: optim.Optimizer) {
  const found: Record<string, unknown> = {};
  for (const [slot, tensors] of Object.entries(optimizer.optState.slots)) {
    if (!/nonFinite|taken/.test(slot)) found[slot] = await bitsOf(tensors);
  }
  return found;
}

for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
  const txOf = () => make().tx;

  onEachBackend(
    `accumulate of ${name}, given each gradient twice, takes its steps`,
    async () => {
      await assertNoLeak(async () => {
        const params = start(NAMES), others = start(NAMES);
        const rate = make().currentLr;
        const plain = new optim.Optimizer({ tx: txOf(), lr: rate })
          .registerTrainableWeights(params);
        const twice = new optim.Optimizer({
          tx: optim.accumulate(txOf(), 2),
          lr: rate,
        }).registerTrainableWeights(others);
        for (let k = 1; k <= 4; k++) {
          plain.step(gradients(NAMES, k));
          const before = await bitsOf(values(others));
          twice.step(gradients(NAMES, k));
          assertEquals(await bitsOf(values(others)), before);
          twice.step(gradients(NAMES, k));
          await assertClose(values(others), values(params));
        }
        plain.dispose();
        twice.dispose();
        disposeAll(params);
        disposeAll(others);
      });
    },
    only,
  );

  onEachBackend(
    `skipNonFinite of ${name} keeps parameters and slots, and takes its steps else`,
    async () => {
      await assertNoLeak(async () => {
        const params = start(NAMES), others = start(NAMES);
        const rate = make().currentLr;
        const plain = new optim.Optimizer({ tx: txOf(), lr: rate })
          .registerTrainableWeights(params);
        const guarded = new optim.Optimizer({
          tx: optim.skipNonFinite(txOf()),
          lr: rate,
        }).registerTrainableWeights(others);
        for (let k = 1; k <= 3; k++) {
          plain.step(gradients(NAMES, k));
          guarded.step(gradients(NAMES, k));
        }
        await assertClose(values(others), values(params));
        const kept = await bitsOf(values(others));
        for (const bad of [NaN, Infinity, -Infinity]) {
          const before = await slotsOf(guarded);
          const { scalar, ...grads } = gradients(NAMES, 4);
          scalar!.dispose();
          guarded.step({ ...grads, scalar: tf.scalar(bad) });
          assertEquals(await bitsOf(values(others)), kept);
          assertEquals(await slotsOf(guarded), before);
        }
        assertEquals(await optim.skippedSteps(guarded), { total: 3, inRow: 3 });
        guarded.step(gradients(NAMES, 5));
        const after = Object.values(await bitsOf(values(others))).flat();
        assert(after.every(Number.isFinite), `${after}`);
        assertEquals(await optim.skippedSteps(guarded), { total: 3, inRow: 0 });
        plain.dispose();
        guarded.dispose();
        disposeAll(params);
        disposeAll(others);
      });
    },
    only,
  );
}

onEachBackend(
  "steps in a row are counted for all parameters alike, whenever they came",
  async () => {
    const a = new ParamState(tf.scalar(0)), b = new ParamState(tf.scalar(0));
    const c = new ParamState(tf.scalar(0));
    const tx = optim.chain(
      optim.skipNonFinite(optim.identity(), { maxConsecutive: 2 }),
      optim.clipByValue(1),
      optim.scaleByLearningRate(),
    );
    using optimizer: optim.Optimizer = new optim.Optimizer({ tx, lr: 1 })
      .registerTrainableWeights({ a, b });
    const of = (x: number) => tf.scalar(x);
    optimizer.step({ a: of(Infinity), b: of(1) });
    optimizer.step({ a: of(Infinity) }); // b counts one less
    optimizer.registerTrainableWeights({ c });
    const read = async () => [
      ...await a.value.data(),
      ...await b.value.data(),
      ...await c.value.data(),
    ];
    assertEquals(await read(), [0, 0, 0]);
    assertEquals(await optim.skippedSteps(optimizer), { total: 2, inRow: 2 });
    optimizer.step({ a: of(Infinity), c: of(1) });
    assertEquals(await read(), [-1, 0, -1]);
    assertEquals(await optim.skippedSteps(optimizer), { total: 3, inRow: 3 });
    for (const state of [a, b, c]) state.dispose();
  },
);

onEachBackend(
  "what sums over all parameters sums over those whose step it is",
  async () => {
    const a = new ParamState(tf.scalar(0)), b = new ParamState(tf.scalar(0));
    for (const inner of [optim.identity(), optim.scaleBySm3({ momentum: 0 })]) {
      const tx = optim.accumulate(
        optim.chain(
          optim.clipByGlobalNorm(1),
          optim.masked(inner, () => false),
          optim.scaleByLearningRate(),
        ),
        2,
      );
      using optimizer = new optim.Optimizer({ tx, lr: 1 })
        .registerTrainableWeights({ a, b });
      optimizer.step({ a: tf.scalar(3) });
      optimizer.step({ a: tf.scalar(3), b: tf.scalar(4) }); // that of a alone
      optimizer.step({ b: tf.scalar(4) });
      const found = [...await a.value.data(), ...await b.value.data()];
      assertEquals(found, [-1, -1]);
      for (const state of [a, b]) state.value = tf.scalar(0);
    }
    for (const state of [a, b]) state.dispose();
  },
);

onEachBackend(
  "an optimizer that skips no steps has no counts of them",
  async () => {
    const w = new ParamState(tf.scalar(0));
    using optimizer = new optim.AdamW().registerTrainableWeights({ w });
    await assertRejects(
      () => optim.skippedSteps(optimizer),
      Error,
      "Cannot read skipped steps: the optimizer must have parameters, and skipNonFinite in its transformation",
    );
    w.dispose();
  },
  { only: ["cpu"] },
);
