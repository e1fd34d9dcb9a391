import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../../autodiff/mod.ts";
import { LBFGS, type LineSearch, SGD, zoom } from "../../optim/mod.ts";
import {
  backtracking,
  type LinePoint,
  type LineProblem,
} from "../../optim/line_search/line_search.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

/** Rosenbrock's function in three dimensions, where the line search of braintools froze. */
function rosenbrock(x: tf.Tensor): tf.Scalar {
  const next = tf.slice(x, 1, 2), last = tf.slice(x, 0, 2);
  const valley = tf.square(tf.sub(next, tf.square(last)));
  return tf.sum(tf.add(tf.mul(100, valley), tf.square(tf.sub(1, last))));
}

function problem() {
  const x = scope(() => new ParamState(tf.tensor1d([-1.2, 1, 0.5])));
  const closure = grad(() => rosenbrock(x.value), {
    states: { x },
    returnValue: true,
  });
  const evaluate = () => {
    const [grads, value] = closure();
    return { value, grads };
  };
  return { x, closure, evaluate };
}

const halving: LineSearch = async ({ start, at }) => {
  for (let alpha = 1; alpha > 1e-8; alpha /= 2) {
    if ((await at(alpha)).value < start.value) return alpha;
  }
  return 0;
};

for (const linesearch of ["zoom", "backtracking", halving] as const) {
  const name = typeof linesearch === "string" ? linesearch : "a user's search";
  onEachBackend(
    `L-BFGS with ${name} solves Rosenbrock, and leaks nothing`,
    async () => {
      await assertNoLeak(async () => {
        const { x, closure, evaluate } = problem();
        using optimizer = new LBFGS({ linesearch }).registerTrainableWeights({
          x,
        });
        let value = Infinity;
        for (let i = 0; i < 60 && value > 1e-9; i++) {
          // Both forms of a closure will do.
          value = await optimizer.step(i % 2 ? evaluate : closure);
        }
        assertLess(value, 1e-6);
        x.dispose();
      });
    },
    { only: ["cpu", "wasm"] },
  );
}

onEachBackend("update(grads, { value, valueFn }) searches too", async () => {
  const { x, evaluate } = problem();
  using optimizer = new LBFGS({ linesearch: "backtracking" })
    .registerTrainableWeights({ x });
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) {
    const { value, grads } = evaluate();
    losses.push(...await numbers(value));
    // Losses are enough to go back; gradients elsewhere are not needed.
    const valueFn = () => tf.tidy(() => rosenbrock(x.value));
    await optimizer.update(grads, { value, valueFn });
    value.dispose();
  }
  assertLess(losses.at(-1)!, 1e-4);
  losses.slice(1).forEach((loss, i) => assert(loss <= losses[i]! * (1 + 1e-5)));
}, { only: ["cpu"] });

onEachBackend(
  "a line search without its value or function is refused",
  async () => {
    const { x, evaluate } = problem();
    using optimizer = new LBFGS({ linesearch: "zoom" })
      .registerTrainableWeights({
        x,
      });
    const { value, grads } = evaluate();
    assertThrows(() => optimizer.step(grads), TypeError, "await step(closure)");
    await assertRejects(
      () => optimizer.update(grads),
      TypeError,
      "value and valueFn",
    );
    await assertRejects(
      () =>
        optimizer.update(grads, { value, valueFn: () => rosenbrock(x.value) }),
      TypeError,
      "zoom needs gradients",
    );
    const values = await numbers(x.value);
    [-1.2, 1, 0.5].forEach((v, i) =>
      assertLess(Math.abs(values[i]! - v), 1e-6)
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a closure that throws leaves the parameters as they were",
  async () => {
    const { x, evaluate } = problem();
    using optimizer = new LBFGS({ linesearch: "zoom" })
      .registerTrainableWeights({ x });
    let calls = 0;
    await assertRejects(
      () =>
        optimizer.step(() => {
          if (calls++ === 2) throw new Error("no more");
          return evaluate();
        }),
      Error,
      "no more",
    );
    const values = await numbers(x.value);
    [-1.2, 1, 0.5].forEach((v, i) =>
      assertLess(Math.abs(values[i]! - v), 1e-6)
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a search that fails is followed by one along the gradient",
  async () => {
    const { x, evaluate } = problem();
    const starts: number[] = [];
    // Refuses the second direction, whatever it is.
    const linesearch: LineSearch = (problem) => {
      starts.push(problem.start.slope);
      return starts.length === 2 ? 0 : backtracking(problem);
    };
    using optimizer = new LBFGS({ linesearch }).registerTrainableWeights({ x });
    const first = await optimizer.step(evaluate);
    const second = await optimizer.step(evaluate);
    assertEquals(starts.length, 3);
    // Along the gradient, the slope is -‖g‖² · min(1, 1 / ‖g‖) = -‖g‖ here.
    const third = await optimizer.step(evaluate);
    assert(first > second && second > third);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a constant function moves nothing, and does not freeze",
  async () => {
    const x = scope(() => new ParamState(tf.tensor1d([1, 2])));
    using optimizer = new LBFGS({ linesearch: "zoom" })
      .registerTrainableWeights({ x });
    for (let i = 0; i < 3; i++) {
      await optimizer.step(() => ({
        value: tf.scalar(0),
        grads: { x: tf.zeros([2]) },
      }));
    }
    assertEquals(await numbers(x.value), [1, 2]);
    const slope = () => ({
      value: tf.tidy(() => tf.sum(tf.square(x.value)) as tf.Scalar),
      grads: { x: tf.mul(2, x.value) },
    });
    await optimizer.step(slope);
    assertLess((await numbers(x.value))[0]!, 1);
  },
  { only: ["cpu"] },
);

onEachBackend("pairs of negative curvature do not count", async () => {
  // -½ x² has a maximum at 0: every step must lead away from it, downhill.
  const x = scope(() => new ParamState(tf.tensor1d([0.1])));
  using optimizer = new LBFGS({ lr: 0.1 }).registerTrainableWeights({ x });
  let before = 0.1;
  for (let i = 0; i < 5; i++) {
    optimizer.step({ x: tf.neg(x.value) });
    const [after] = await numbers(x.value);
    assert(after! > before);
    before = after!;
  }
}, { only: ["cpu"] });

onEachBackend("all parameters need gradients", () => {
  const [x, y] = scope(() => [
    new ParamState(tf.scalar(1)),
    new ParamState(tf.scalar(1)),
  ]);
  using optimizer = new LBFGS().registerTrainableWeights({ x: x!, y: y! });
  assertThrows(
    () => optimizer.step({ x: tf.scalar(1) }),
    RangeError,
    'there is none of "y"',
  );
}, { only: ["cpu"] });

/** Searches along a function of one number. */
async function search(
  line: LineSearch,
  f: (a: number) => number,
  df: (a: number) => number,
) {
  const at = (alpha: number): Promise<LinePoint> =>
    Promise.resolve({ alpha, value: f(alpha), slope: df(alpha) });
  return await line({ start: await at(0), at });
}

Deno.test("zoom finds points that fulfil Wolfe's conditions", async () => {
  const cases: [(a: number) => number, (a: number) => number][] = [
    [(a) => (a - 3) ** 2, (a) => 2 * (a - 3)],
    [(a) => (a - 0.01) ** 2, (a) => 2 * (a - 0.01)],
    [(a) => -a / (a * a + 2), (a) => (a * a - 2) / (a * a + 2) ** 2],
    [
      (a) => (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
      (a) => 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
    ],
    [
      (a) => Math.cos(a) - 1e-3 * a * a + 0.2 * Math.exp(-a),
      (a) => -Math.sin(a) - 2e-3 * a - 0.2 * Math.exp(-a),
    ],
    [(a) => a > 0.3 ? NaN : -a, (a) => a > 0.3 ? NaN : -1],
  ];
  for (const [f, df] of cases) {
    const alpha = await search(zoom, f, df);
    assert(alpha > 0);
    assert(f(alpha) <= f(0) + 1e-4 * alpha * df(0));
    if (!Number.isNaN(f(1))) {
      assert(Math.abs(df(alpha)) <= 0.9 * Math.abs(df(0)));
    }
  }
});

Deno.test("backtracking halves until the function falls enough", async () => {
  assertEquals(
    await search(backtracking, (a) => (a - 0.2) ** 2, (a) => 2 * (a - 0.2)),
    0.25,
  );
  assertEquals(await search(backtracking, (a) => a, () => -1), 0);
});

onEachBackend(
  "without a search, a closure will do as well as gradients",
  async () => {
    const { x, evaluate } = problem();
    using optimizer = new LBFGS({ lr: 1e-3 }).registerTrainableWeights({ x });
    const value = await optimizer.step(evaluate);
    assertLess(await optimizer.step(evaluate), value);
    using sgd = new SGD({ lr: 1e-4 }).registerTrainableWeights({ x });
    sgd.update(evaluate().grads);
    assertEquals([optimizer.stepCount, sgd.stepCount], [2, 1]);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "the order of gradients does not matter, and parameters may join",
  async () => {
    const state = (v: number) => scope(() => new ParamState(tf.scalar(v)));
    const [a, b, c] = [state(1), state(2), state(3)];
    using optimizer = new LBFGS({ lr: 0.5 }).registerTrainableWeights({ a, b });
    const grad = (x: ParamState) => tf.mul(2, x.value);
    for (let i = 0; i < 4; i++) optimizer.step({ b: grad(b), a: grad(a) });
    const joined = optimizer.registerTrainableWeights({ c });
    for (let i = 0; i < 20; i++) {
      joined.step({ c: grad(c), a: grad(a), b: grad(b) });
    }
    for (const x of [a, b, c]) {
      assertLess(Math.abs((await numbers(x.value))[0]!), 0.01);
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a step counts once, whether its line search succeeds, fails or is repeated",
  async () => {
    for (
      const linesearch of [
        "zoom",
        "backtracking",
        () => 0,
        () => NaN,
        ({ start }: LineProblem) => start.slope < -1 ? 0 : 0.1,
      ] as const
    ) {
      const x = new ParamState(tf.tensor1d([-1.2, 1]));
      const seen: number[] = [];
      const optimizer = new LBFGS({
        linesearch,
        lr: (step) => (seen.push(step), 1),
      }).registerTrainableWeights({ x });
      const closure = () => ({
        value: tf.tidy(() => tf.sum(tf.square(x.value))),
        grads: { x: tf.mul(x.value, 2) },
      });
      for (let k = 1; k <= 30; k++) {
        await optimizer.step(closure);
        assertEquals(optimizer.stepCount, k);
      }
      assertEquals(Math.max(...seen), 30);
      optimizer.dispose();
    }
  },
  { only: ["cpu"] },
);
