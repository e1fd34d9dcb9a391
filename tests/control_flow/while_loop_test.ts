/** Loops that a condition ends, against the same loops in JavaScript. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import {
  autodiff,
  type Predicate,
  random,
  scope,
  State,
  tf,
  whileLoop,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const READS = { only: ["cpu", "wasm"] } as const;

onEachBackend("whileLoop() ends when its condition is false", async () => {
  const { n, power } = whileLoop(
    ({ power }) => tf.less(power, 1000),
    ({ n, power }) => ({ n: tf.add(n, 1), power: tf.mul(power, 2) }),
    { n: tf.scalar(0), power: tf.scalar(1) },
  );
  assertEquals([await numbers(n), await numbers(power)], [[10], [1024]]);
}, READS);

onEachBackend("a condition may be a boolean, on every backend", async () => {
  let count = 0;
  const x = whileLoop(() => count++ < 50, (x) => tf.add(x, 1), tf.scalar(0));
  assertEquals(await numbers(x), [50]);
});

onEachBackend(
  "a condition that is false at first leaves a copy of the beginning",
  async () => {
    const init = [tf.scalar(3)];
    const [x] = whileLoop(() => false, (x) => x, init);
    init[0]!.dispose();
    assertEquals(await numbers(x!), [3]);
  },
);

onEachBackend(
  "maxSteps ends a loop whose condition is still true",
  async () => {
    for (const maxSteps of [1, 3, 100]) {
      const isBelow = (x: tf.Tensor) => tf.less(x, 1e9);
      const x = whileLoop(isBelow, (x) => tf.add(x, 1), tf.scalar(0), {
        maxSteps,
      });
      assertEquals(await numbers(x), [maxSteps]);
    }
  },
  READS,
);

onEachBackend(
  "a condition that is a tensor is refused where it cannot be read at once",
  async () => {
    await assertNoLeak(() => {
      scope(() => {
        assertThrows(
          () =>
            whileLoop((x) => tf.less(x, 3), (x) => tf.add(x, 1), tf.scalar(0)),
          Error,
          "Cannot run whileLoop: the condition is a tensor, which webgpu cannot read without waiting",
        );
      });
    });
  },
  { only: ["webgpu"] },
);

onEachBackend(
  "gradients flow through the iterations that were run",
  async () => {
    const w = scope(() => new State(tf.scalar(2)));
    const loss = (x: tf.Scalar) =>
      whileLoop((x) => tf.less(x, 50), (x) => tf.mul(x, w.value), x);
    const [grads, gradX] = autodiff.grad(loss, { states: { w }, argnums: 0 })(
      tf.scalar(3),
    );
    // 3 is doubled five times: 3 w^5.
    assertEquals(await numbers(grads.w), [15 * 16]);
    assertEquals(await numbers(gradX), [32]);
  },
  READS,
);

onEachBackend(
  "thousands of iterations, compiled or not, have equal bits and flat memory",
  async () => {
    const results: number[][] = [];
    for (const compile of [false, true]) {
      random.seed(5);
      const position = scope(() => new State(tf.zeros([3])));
      const tensors: number[] = [];
      const walk = (steps: tf.Tensor) => {
        tensors.push(tf.memory().numTensors);
        position.value = tf.add(position.value, random.normal([3]));
        return tf.add(steps, 1);
      };
      const isNear = (steps: tf.Tensor) =>
        tf.logicalAnd(
          tf.less(tf.norm(position.value), 1e6),
          tf.less(steps, 5000),
        );
      const steps = scope(() =>
        whileLoop(isNear, walk, tf.scalar(0), { compile })
      );
      results.push([...await numbers(steps), ...await numbers(position.value)]);
      assert(Math.max(...tensors) - Math.min(...tensors) <= 8);
      const isReplayed = compile && tf.getBackend() === "wasm";
      assertEquals(tensors.length < 100, isReplayed);
    }
    assertEquals(results[0]![0], 5000);
    assertEquals(results[1], results[0]);
  },
  READS,
);

onEachBackend("whileLoop() leaves no tensor behind", async () => {
  await assertNoLeak(() => {
    const init = tf.scalar(0);
    const isBelow = (x: tf.Tensor) => tf.less(x, 1000);
    whileLoop(isBelow, (x) => tf.add(x, tf.ones([])), init).dispose();
    let count = 0;
    assertThrows(
      () =>
        whileLoop(isBelow, (x) => {
          if (++count === 5) throw new Error("stop");
          return tf.add(x, tf.ones([]));
        }, init),
      Error,
      "stop",
    );
    init.dispose();
  });
}, READS);

onEachBackend("Newton's method ends at the root", async () => {
  const error = (x: tf.Tensor) => tf.abs(tf.sub(tf.square(x), 7));
  const root = whileLoop(
    (x) => tf.greater(error(x), 1e-5),
    (x) => tf.div(tf.add(x, tf.div(7, x)), 2),
    tf.scalar(1),
    { maxSteps: 50 },
  );
  assertAlmostEquals((await numbers(root))[0]!, Math.sqrt(7), 1e-6);
}, READS);

const zero = () => tf.scalar(0);
const isLow = (x: tf.Tensor) => tf.less(x, 3);
const more = (x: tf.Tensor) => tf.add(x, 1);
/** Loops that cannot be run, and what the errors say. */
const FAULTY: [
  string,
  () => unknown,
  typeof TypeError | typeof RangeError,
  string,
][] = [
  [
    "a condition that is no function",
    () => whileLoop(true as never, more, zero()),
    TypeError,
    "Cannot run whileLoop: the first argument must be a function: current value is true",
  ],
  [
    "a body that is no function",
    () => whileLoop(isLow, 3 as never, zero()),
    TypeError,
    "Cannot run whileLoop: the second argument must be a function: current value is 3",
  ],
  [
    "an unknown option",
    () => whileLoop(isLow, more, zero(), { maxStep: 3 } as never),
    TypeError,
    'there is no option "maxStep": did you mean "maxSteps"?',
  ],
  [
    "a number of steps that is none",
    () => whileLoop(isLow, more, zero(), { maxSteps: 0 }),
    RangeError,
    "maxSteps must be a positive integer: current value is 0",
  ],
  [
    "a condition that is a number",
    () => whileLoop(() => 1 as never, more, zero()),
    TypeError,
    "Cannot run whileLoop: the condition must be a boolean or a boolean scalar: current value is 1",
  ],
  [
    "a condition of another dtype",
    () => whileLoop((x) => x, more, zero()),
    TypeError,
    "the condition must be a boolean or a boolean scalar: current value is a tensor of float32 with shape []",
  ],
  [
    "a condition with axes",
    () => whileLoop(isLow, more, tf.ones([2])),
    RangeError,
    "the condition must be a boolean or a boolean scalar: current value is a tensor of bool with shape [2]",
  ],
  [
    "an async condition",
    () => whileLoop((async () => await true) as never, more, zero()),
    TypeError,
    "the condition must be a boolean or a boolean scalar: current value is an instance of Promise",
  ],
  [
    "a condition of changing kind",
    () => {
      let n = 0;
      return whileLoop(
        (x): Predicate => ++n > 2 ? true : isLow(x),
        more,
        zero(),
      );
    },
    TypeError,
    "Cannot run whileLoop: the condition must always be a tensor, or never",
  ],
  [
    "an async body",
    () => whileLoop(isLow, (async (x: tf.Tensor) => await x) as never, zero()),
    TypeError,
    "Cannot run whileLoop: the result must be a nest of tensors, not a promise",
  ],
  [
    "a result of another form",
    () => whileLoop(isLow, (x) => [x] as never, zero()),
    TypeError,
    "Cannot run whileLoop: the result must keep its form tensor: current form is [tensor]",
  ],
  [
    "a result of another shape",
    () => whileLoop(isLow, () => tf.ones([2]), zero()),
    RangeError,
    "Cannot run whileLoop: the result must be a tensor of float32 with shape [], as before: current value is a tensor of float32 with shape [2]",
  ],
  [
    "a result of another dtype",
    () => whileLoop(isLow, (x) => tf.cast(x, "int32"), zero()),
    TypeError,
    "Cannot run whileLoop: the result must be a tensor of float32 with shape [], as before: current value is a tensor of int32",
  ],
];

for (const [name, fn, error, message] of FAULTY) {
  onEachBackend(`whileLoop() is refused with ${name}`, async () => {
    await assertNoLeak(() => {
      scope(() => {
        assertThrows(fn, error, message);
      });
    });
  }, { only: ["cpu"] });
}
