/** Rows without a gradient, against torch's SparseAdam (`scripts/golden/lazy_rows.py`). */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import { compile } from "../../compile.ts";
import { scope } from "../../memory.ts";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import golden from "../golden/lazy_rows.json" with { type: "json" };

const ADAM = { lr: 0.01, betas: [0.8, 0.9] } as const;

function table(value: (row: number, column: number) => number): tf.Tensor2D {
  return tf.tensor2d(
    [0, 1, 2, 3, 4].map((i) => [0, 1, 2].map((j) => value(i, j))),
  );
}

const hasGradient = (row: number, k: number) => (row + k) % 5 < 2 || row === 0;

const gradient = (k: number) =>
  table((i, j) => hasGradient(i, k) ? Math.cos(1.3 * k + i + 0.7 * j) : 0);

function setup(tx = optim.lazyRows(optim.adam(ADAM))) {
  const w = scope(() =>
    new ParamState(table((i, j) => Math.sin(0.5 + 3 * i + j)))
  );
  const optimizer = new optim.Optimizer({ tx, lr: 0.01 })
    .registerTrainableWeights({ w });
  return {
    w,
    optimizer,
    dispose() {
      optimizer.dispose();
      w.dispose();
    },
  };
}

async function follow(): Promise<void> {
  const { w, optimizer, dispose } = setup();
  for (let k = 1; k <= golden.steps.length; k++) {
    optimizer.step({ w: gradient(k) });
    const actual = await numbers(w.value);
    golden.steps[k - 1]!.forEach((x, i) => {
      const error = Math.abs(actual[i]! - x);
      assert(
        error < 1e-6 + 1e-5 * Math.abs(x),
        `step ${k}: ${actual[i]}, ${x}`,
      );
    });
  }
  dispose();
}

onEachBackend(
  "lazy rows of Adam take the steps of torch's SparseAdam",
  async () => {
    await assertNoLeak(follow);
    await assertNoLeak(() => withoutFusion(follow));
  },
);

onEachBackend(
  "rows without a gradient keep their bits and slots, with each optimizer",
  async () => {
    const rules = {
      adamw: optim.adamw({ weightDecay: 0.1 }),
      lion: optim.lion(),
      momentum: optim.momentum(),
      sm3: optim.sm3(),
      clipped: optim.chain(optim.clipByGlobalNorm(1), optim.adamw()),
    };
    for (const [name, tx] of Object.entries(rules)) {
      await assertNoLeak(async () => {
        const { w, optimizer, dispose } = setup(optim.lazyRows(tx));
        optimizer.step({ w: gradient(1) });
        const seen = async () => {
          const slots = Object.values(optimizer.optState.slots)
            .map((of) => of["w"]!).filter(({ size }) => size === 15);
          const all = await Promise.all([w.value, ...slots].map(numbers));
          return all.map((x) =>
            [0, 1, 2, 3, 4].map((i) => x.slice(3 * i, 3 * i + 3))
          );
        };
        const before = await seen();
        optimizer.step({ w: gradient(2) });
        const after = await seen();
        after.forEach((rows, k) =>
          rows.forEach((row, i) => {
            if (!hasGradient(i, 2)) assertEquals(row, before[k]![i], name);
          })
        );
        assert(after[0]![0]!.every((x, j) => x !== before[0]![0]![j]), name);
        dispose();
      });
    }
  },
);

onEachBackend(
  "lazy rows continue from what is saved, and are compiled, bit for bit",
  async (backend) => {
    const a = setup(), b = setup(), c = setup();
    const step = (w: tf.Tensor) => {
      c.optimizer.step({ w }, { keep: true });
      return tf.scalar(0);
    };
    using compiled = compile(step, { onFallback: "ignore" });
    for (let k = 1; k <= 8; k++) {
      a.optimizer.step({ w: gradient(k) });
      compiled(gradient(k)).dispose();
      if (k === 4) {
        b.optimizer.loadStateDict(a.optimizer.stateDict());
        b.w.value = a.w.value;
      } else if (k > 4) b.optimizer.step({ w: gradient(k) });
    }
    assertEquals(await numbers(b.w.value), await numbers(a.w.value));
    assertEquals(await numbers(c.w.value), await numbers(a.w.value));
    assertEquals(compiled.report().replayed, backend === "cpu" ? 0 : 6);
    for (const each of [a, b, c]) each.dispose();
  },
);

onEachBackend(
  "a row with a gradient that is not a number has one, and vectors have no rows",
  async () => {
    const tx = optim.lazyRows(optim.sgd({ lr: 1 }));
    const params = { w: tf.zeros([2, 2]), b: tf.zeros([2]) };
    const grads = {
      w: tf.tensor2d([[NaN, 0], [0, 0]]),
      b: tf.tensor1d([0, 1]),
    };
    const [updates] = tx.update(grads, tx.init(params), params);
    const [first, ...others] = await numbers(updates["w"]!);
    assert(Number.isNaN(first));
    assert(others.slice(1).every((x) => x === 0));
    assertEquals((await numbers(updates["b"]!))[1], -1);
  },
);

Deno.test("lazyRows refuses what is no transformation", () => {
  assertThrows(
    () => optim.lazyRows(optim.adam as never),
    TypeError,
    "Cannot create lazyRows: tx must be a gradient transformation",
  );
});
