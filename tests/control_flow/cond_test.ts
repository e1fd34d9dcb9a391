/** Branches that tensors choose. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  autodiff,
  compile,
  cond,
  forLoop,
  scope,
  State,
  switchCase,
  tf,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const READS = { only: ["cpu", "wasm"] } as const;

onEachBackend(
  "cond() runs the branch that a boolean chooses, and only that",
  async () => {
    const calls: string[] = [];
    for (const isIt of [true, false]) {
      const y = cond(
        isIt,
        (x, y) => (calls.push("true"), tf.add(x, y)),
        (x, y) => (calls.push("false"), tf.sub(x, y)),
        tf.scalar(5),
        tf.scalar(2),
      );
      assertEquals(await numbers(y), [isIt ? 7 : 3]);
    }
    assertEquals(calls, ["true", "false"]);
  },
);

onEachBackend("cond() runs the branch that a tensor chooses", async () => {
  for (const x of [4, -4]) {
    const t = tf.scalar(x);
    const y = cond(
      tf.greater(t, 0),
      (t) => [tf.sqrt(t)],
      (t) => [tf.neg(t)],
      t,
    );
    assertEquals(await numbers(y[0]!), [x > 0 ? 2 : 4]);
  }
}, READS);

onEachBackend("a tensor cannot choose where it cannot be read at once", () => {
  assertThrows(
    () =>
      cond(tf.greater(tf.scalar(1), 0), () => tf.ones([1]), () => tf.ones([1])),
    Error,
    "Cannot run cond: the predicate is a tensor, which webgpu cannot read without waiting: await its data(), and give the value",
  );
  assertThrows(
    () => switchCase(tf.scalar(1, "int32"), [tf.sqrt, tf.neg], tf.scalar(1)),
    Error,
    "Cannot run switchCase: the index is a tensor, which webgpu cannot read without waiting",
  );
}, { only: ["webgpu"] });

onEachBackend(
  "gradients flow through the branch that was chosen, states included",
  async () => {
    const w = scope(() => new State(tf.scalar(3)));
    for (
      const isIt of [true, false]
    ) {
      const loss = (x: tf.Scalar) =>
        cond(
          isIt,
          (x) => tf.mul<tf.Scalar>(x, tf.mul(x, w.value)),
          (x) => tf.clone(x),
          x,
        );
      const [grads, gradX] = autodiff.grad(loss, {
        states: { w },
        argnums: 0,
        checkStates: false,
      })(tf.scalar(2));
      assertEquals(await numbers(gradX), [isIt ? 12 : 1]);
      assertEquals(await numbers(grads.w), [isIt ? 4 : 0]);
    }
  },
);

onEachBackend(
  "a branch writes states, frees what it made, and returns tensors of the caller's",
  async () => {
    await assertNoLeak(() => {
      const state = scope(() => new State(tf.scalar(1)));
      const x = tf.scalar(2);
      const copies = cond(
        true,
        (x) => {
          state.value = tf.add(state.value, x);
          const y = tf.square(tf.square(x));
          return [x, state.value, y, y];
        },
        (x) => [x],
        x,
      );
      tf.dispose(copies);
      assertEquals([x.isDisposed, state.value.isDisposed], [false, false]);
      x.dispose();
      state.dispose();
    });
    const state = scope(() => new State(tf.scalar(1)));
    cond(false, () => {}, () => {
      state.value = tf.add(state.value, 1);
    });
    assertEquals(await numbers(state.value), [2]);
  },
);

onEachBackend("switchCase() runs the branch of a number", async (backend) => {
  const branches = [
    tf.neg,
    tf.square,
    tf.sqrt,
  ] as ((x: tf.Tensor) => tf.Tensor)[];
  for (const [i, expected] of [-9, 81, 3].entries()) {
    assertEquals(await numbers(switchCase(i, branches, tf.scalar(9))), [
      expected,
    ]);
    if (backend === "webgpu") continue;
    const index = tf.scalar(i, "int32");
    assertEquals(await numbers(switchCase(index, branches, tf.scalar(9))), [
      expected,
    ]);
  }
});

onEachBackend(
  "a compiled function with a branch that a tensor chooses is run as it is",
  () => {
    const reasons: string[] = [];
    const step = compile(
      (x: tf.Scalar) =>
        cond(tf.greater(x, 0), (x) => tf.sqrt(x), (x) => tf.neg(x), x),
      { onFallback: (reason) => reasons.push(reason) },
    );
    for (const [x, y] of [[4, 2], [-4, 4], [9, 3], [-1, 1]] as const) {
      assertEquals(step(tf.scalar(x)).dataSync()[0], y);
    }
    assertEquals(reasons.length, 1);
    assertEquals(step.report().replayed, 0);
  },
  { only: ["wasm"] },
);

onEachBackend(
  "a loop with a branch that a tensor chooses is right in each iteration",
  async () => {
    const xs = Array.from({ length: 60 }, (_, i) => i % 7 < 3 ? i : -i);
    const ys = forLoop(
      (x) => cond(tf.greater(x, 0), (x) => tf.mul(x, 2), (x) => tf.neg(x), x),
      tf.tensor1d(xs),
    );
    assertEquals(await numbers(ys), xs.map((x) => x > 0 ? 2 * x : 0 - x));
  },
  READS,
);

const one = () => tf.scalar(1);
/** Branches that cannot be run, and what the errors say. */
const FAULTY: [
  string,
  () => unknown,
  typeof TypeError | typeof RangeError,
  string,
][] = [
  [
    "a number as predicate",
    () => cond(1 as never, one, one),
    TypeError,
    "Cannot run cond: the predicate must be a boolean or a boolean scalar: current value is 1",
  ],
  [
    "a predicate of another dtype",
    () => cond(tf.scalar(1), one, one),
    TypeError,
    "the predicate must be a boolean or a boolean scalar: current value is a tensor of float32 with shape []",
  ],
  [
    "a predicate with axes",
    () => cond(tf.equal(tf.ones([1]), 1), one, one),
    RangeError,
    "the predicate must be a boolean or a boolean scalar: current value is a tensor of bool with shape [1]",
  ],
  [
    "a branch that is no function",
    () => cond(true, one, 3 as never),
    TypeError,
    "Cannot run cond: the third argument must be a function: current value is 3",
  ],
  [
    "an async branch",
    () => cond(true, (async () => await one()) as never, one),
    TypeError,
    "Cannot run cond: the result must be a nest of tensors, not a promise",
  ],
  [
    "a result that is no tensor",
    () => cond(true, () => 1 as never, one),
    TypeError,
    "Cannot run cond: the result must be a tensor, or lists and plain records of tensors: current value is 1",
  ],
  [
    "an index past the last branch",
    () => switchCase(2, [one, one]),
    RangeError,
    "Cannot run switchCase: the index must be an integer from 0 to 1: current value is 2",
  ],
  [
    "a negative index",
    () => switchCase(tf.scalar(-1, "int32"), [one, one]),
    RangeError,
    "Cannot run switchCase: the index must be an integer from 0 to 1: current value is -1",
  ],
  [
    "an index that is no integer",
    () => switchCase(0.5, [one, one]),
    RangeError,
    "the index must be an integer from 0 to 1: current value is 0.5",
  ],
  [
    "an index of another dtype",
    () => switchCase(tf.scalar(1), [one, one]),
    TypeError,
    "the index must be an integer or an int32 scalar: current value is a tensor of float32",
  ],
  [
    "no branches",
    () => switchCase(0, []),
    RangeError,
    "Cannot run switchCase: branches must be a nonempty list",
  ],
];

for (const [name, fn, error, message] of FAULTY) {
  onEachBackend(`a choice is refused with ${name}`, async () => {
    await assertNoLeak(() => {
      scope(() => {
        assertThrows(fn, error, message);
      });
    });
  }, { only: ["cpu"] });
}
