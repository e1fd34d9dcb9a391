/** Projections of gradients to few directions. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

/** `3 a bᵀ + c dᵀ` with orthonormal a and c, b and d, and its transpose. */
function gradients() {
  return tf.tidy(() => {
    const [a, c] = [[0.6, 0.8, 0], [-0.8, 0.6, 0]];
    const [b, d] = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]];
    const outer = (x: number[], y: number[]) =>
      tf.outerProduct(tf.tensor1d(x), tf.tensor1d(y));
    const wide = tf.add<tf.Tensor2D>(
      tf.mul(3, outer(a!, b!)),
      outer(c!, d!),
    );
    return { wide, tall: tf.transpose(wide), bias: tf.tensor1d([1, 2]) };
  });
}

onEachBackend(
  "the projected gradient is the greatest part of the gradient, wide and tall",
  async () => {
    await assertNoLeak(async () => {
      const identity = optim.trace({ decay: 0 });
      const grads = gradients();
      const found = tf.tidy(() => {
        const tx = optim.projectLowRank(identity, { rank: 1, scale: 2 });
        const state = tx.init(grads);
        const [updates, next] = tx.update(grads, state, grads);
        const { projection, velocity } = next.slots;
        assertEquals(
          [projection!["wide"]!.shape, projection!["tall"]!.shape],
          [[3, 1], [3, 1]],
        );
        assertEquals(
          ["wide", "tall", "bias"].map((path) => velocity![path]!.shape),
          [[1, 4], [4, 1], [2]],
        );
        assertEquals(Object.keys(projection!), ["wide", "tall"]);
        return { ...updates };
      });
      const wide = await found["wide"]!.data();
      const tall = await found["tall"]!.data();
      // 2 · 3 a bᵀ
      [0.6, 0.8, 0].forEach((a, i) => {
        for (let j = 0; j < 4; j++) {
          assert(Math.abs(wide[4 * i + j]! - 3 * a) < 1e-5, `${wide}`);
          assert(Math.abs(tall[3 * j + i]! - 3 * a) < 1e-5, `${tall}`);
        }
      });
      // Other parameters are as inner leaves them.
      assertEquals([...await found["bias"]!.data()], [1, 2]);
      tf.dispose([{ ...grads }, found]);
    });
  },
);

onEachBackend(
  "directions change every so many steps of a parameter",
  async () => {
    const w = new ParamState(tf.zeros([2, 3]));
    const tx = optim.chain(
      optim.projectLowRank(optim.scaleByLion(), { rank: 1, updateProjGap: 3 }),
      optim.scaleByLearningRate(0.1),
    );
    const optimizer = new optim.Optimizer({ tx })
      .registerTrainableWeights({ w });
    const seen: number[] = [];
    for (let k = 0; k < 5; k++) {
      // First along the first row, then along the second one.
      const row = [[2, 1, 1], [0, 0, 0]];
      optimizer.step({ w: tf.tensor2d(k === 0 ? row : row.reverse()) });
      const { slots } = optimizer.optState;
      const [name] = Object.keys(slots).filter((x) => x.includes("projection"));
      const [x] = await slots[name!]!["w"]!.data();
      seen.push(Math.abs(Math.round(x!)));
    }
    assertEquals(seen, [1, 1, 1, 0, 0]);
    optimizer.dispose();
  },
);

Deno.test("matrices that are not longer than the rank, and others, are left", async () => {
  await useBackend("cpu");
  const shapes = {
    square: [2, 2],
    kernel: [5, 5, 5],
    long: [2, 9],
    ok: [3, 9],
  };
  const params = Object.fromEntries(
    Object.entries(shapes).map(([path, shape]) => [path, tf.zeros(shape)]),
  );
  const paths = (options: optim.ProjectLowRankOptions) => {
    const tx = optim.projectLowRank(optim.scaleByAdam(), options);
    return Object.keys(tx.init(params).slots["projection"] ?? {});
  };
  assertEquals(paths({ rank: 2 }), ["ok"]);
  assertEquals(paths({ rank: 1 }), ["square", "long", "ok"]);
  assertEquals(paths({ rank: 1, projectMask: /o/ }), ["long", "ok"]);
  assertEquals(paths({}), []);
});

Deno.test("projectLowRank refuses what is no transformation, and wrong options", () => {
  const calls: readonly [() => unknown, string][] = [
    [
      () => optim.projectLowRank({} as never),
      "inner must be a gradient transformation",
    ],
    [
      () => optim.projectLowRank(optim.sgd(), { rank: 0 }),
      "rank must be a positive integer: current value is 0",
    ],
    [
      () => optim.projectLowRank(optim.sgd(), { gap: 2 } as object),
      'there is no option "gap"',
    ],
  ];
  for (const [call, message] of calls) {
    assertThrows(call, Error, `Cannot create projectLowRank: ${message}`);
  }
});
