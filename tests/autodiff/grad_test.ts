import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  grad,
  type GradOptions,
  valueAndGrad,
  vectorGrad,
} from "../../autodiff/mod.ts";
import { scope } from "../../memory.ts";
import { BatchState, ParamState, State } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

function param(...x: number[]): ParamState<tf.Tensor1D> {
  return scope(() => new ParamState(tf.tensor1d(x)));
}

/** `sum(w²)`, with gradient `2w`. */
function squares(w: State): tf.Scalar {
  return tf.sum(tf.square(w.value)) as tf.Scalar;
}

/** Numbers in place of tensors, in the same structure. */
async function read(nest: unknown): Promise<unknown> {
  if (nest instanceof tf.Tensor) {
    const x = await numbers(nest);
    nest.dispose();
    return nest.rank === 0 ? x[0] : x;
  }
  if (Array.isArray(nest)) return await Promise.all(nest.map(read));
  if (typeof nest === "object" && nest !== null) {
    const entries = Object.entries(nest);
    const all = await Promise.all(entries.map(([, x]) => read(x)));
    return Object.fromEntries(entries.map(([key], i) => [key, all[i]]));
  }
  return nest;
}

// What grad() returns for each way of asking, with w = [3, 4], b = [1, 2],
// x = [1, 1]: the loss is sum(w²) + sum(b x) + x0 = 25 + 3.
const table: readonly [string, (s: States) => GradOptions, unknown][] = [
  ["nothing: the first argument", () => ({}), [1, 2]],
  ["argnums", () => ({ argnums: 0 }), [1, 2]],
  ["a list of argnums", () => ({ argnums: [1, 0] }), [1, [1, 2]]],
  ["a state", ({ w }) => ({ states: w }), [6, 8]],
  ["a list", ({ w, b }) => ({ states: [b, w] }), [[1, 1], [6, 8]]],
  ["a record", ({ w, b }) => ({ states: { w, b } }), { w: [6, 8], b: [1, 1] }],
  [
    "a nest",
    ({ w, b }) => ({ states: { all: [w, { b }] } }),
    { all: [[6, 8], { b: [1, 1] }] },
  ],
  ["a state twice", ({ w }) => ({ states: [w, w] }), [[6, 8], [6, 8]]],
  [
    "states and argnums",
    ({ w }) => ({ states: { w }, argnums: 1 }),
    [{ w: [6, 8] }, 1],
  ],
  ["value", ({ w }) => ({ states: w, returnValue: true }), [[6, 8], 29]],
];
type States = { w: ParamState<tf.Tensor1D>; b: ParamState<tf.Tensor1D> };

for (const [what, options, expected] of table) {
  onEachBackend(`grad() mirrors its structure: ${what}`, async () => {
    await assertNoLeak(async () => {
      using w = param(3, 4);
      using b = param(1, 2);
      const x = tf.tensor1d([1, 1]), c = tf.scalar(1);
      const gradient = grad(
        (x: tf.Tensor1D, c: tf.Scalar) =>
          tf.add(tf.add(squares(w), tf.sum(tf.mul(b.value, x))), c),
        options({ w, b }),
      );
      assertEquals(await read(gradient(x, c)), expected);
      tf.dispose([x, c]);
    });
  }, { only: ["cpu", "wasm"] });
}

onEachBackend("grad() returns gradients, then value, then aux", async () => {
  await assertNoLeak(async () => {
    using w = param(3, 4);
    const gradient = grad(
      () => [squares(w), { double: tf.mul(w.value, 2), n: 7 }] as const,
      { states: { w }, returnValue: true, hasAux: true },
    );
    assertEquals(await read(gradient()), [{ w: [6, 8] }, 25, {
      double: [6, 8],
      n: 7,
    }]);
    const { value, grads, aux } = valueAndGrad(
      () => [squares(w), tf.scalar(7)] as const,
      { states: w, hasAux: true },
    )();
    assertEquals(await read([value, grads, aux]), [25, [6, 8], 7]);
    const [only, seven] = grad(() => [squares(w), 7] as const, {
      states: w,
      hasAux: true,
    })();
    assertEquals([await read(only), seven], [[6, 8], 7]);
  });
});

onEachBackend("grad() keeps what was written to other states", async () => {
  await assertNoLeak(async () => {
    using w = param(3, 4);
    using count = scope(() => new BatchState(tf.scalar(0)));
    const gradient = grad(() => {
      count.value = tf.add(count.value, 1);
      count.value = tf.add(count.value, 1);
      return squares(w);
    }, { states: w });
    for (let i = 0; i < 3; i++) gradient().dispose();
    assertEquals(await numbers(count.value), [6]);
  });
});

onEachBackend(
  "grad() differentiates in the value at entry, through writes",
  async () => {
    await assertNoLeak(async () => {
      using w = param(1, 1);
      const x = tf.tensor1d([3, 4]);
      const gradient = grad(() => {
        w.value = tf.mul(w.value, 2);
        return tf.sum(tf.mul(w.value, x));
      }, { states: w });
      assertEquals(await read(gradient()), [6, 8]);
      assertEquals(await numbers(w.value), [2, 2]);
      x.dispose();
    });
  },
);

onEachBackend(
  "a throw rolls every state back and leaves no tensor",
  async () => {
    await assertNoLeak(async () => {
      using w = param(3, 4);
      using count = scope(() => new BatchState(tf.scalar(5)));
      const gradient = grad(() => {
        count.value = tf.add(count.value, 1);
        w.value = tf.mul(w.value, 2);
        tf.matMul(tf.ones([2, 2]), tf.ones([2, 2]));
        w.value = tf.mul(tf.exp(w.value), 2);
        if (count.size === 1) throw new Error("stop");
        return squares(w);
      }, { states: w });
      const before = tf.memory().numTensors;
      for (let i = 0; i < 3; i++) assertThrows(() => gradient(), Error, "stop");
      assertEquals(tf.memory().numTensors, before);
      assertEquals(await numbers(count.value), [5]);
      assertEquals(await numbers(w.value), [3, 4]);
      // The tape is usable again.
      const [again] = grad(() => squares(w), { states: [w] })();
      assertEquals(await read(again), [6, 8]);
    });
  },
);

onEachBackend("a throw in a gradient leaves no tensor either", async () => {
  await assertNoLeak(() => {
    using w = param(3, 4);
    const broken = tf.customGrad((x, save) => {
      (save as tf.GradSaveFunc)([x as tf.Tensor]);
      return {
        value: tf.mul(x as tf.Tensor, 2),
        gradFunc: () => {
          throw new Error("no gradient");
        },
      };
    });
    assertThrows(
      () => grad(() => tf.sum(broken(tf.exp(w.value))), { states: w })(),
      Error,
      "no gradient",
    );
  });
}, cpu);

onEachBackend(
  "grad() of grad() gives second derivatives over states",
  async () => {
    await assertNoLeak(async () => {
      using w = param(3, 4);
      const x = tf.tensor1d([1, 2]);
      // d/dw sum(w³ x) = 3 w² x, and the derivative of its sum is 6 w x.
      const inner = grad(
        () => tf.sum(tf.mul(tf.mul(tf.square(w.value), w.value), x)),
        { states: w },
      );
      const outer = grad(() => tf.sum(inner()), { states: w });
      assertEquals(await read(outer()), [18, 48]);
      x.dispose();
    });
  },
);

onEachBackend(
  "writes inside an inner grad() are rolled back by the outer",
  async () => {
    await assertNoLeak(async () => {
      using w = param(3, 4);
      using count = scope(() => new BatchState(tf.scalar(0)));
      const inner = grad(() => {
        count.value = tf.add(count.value, 1);
        w.value = tf.add(w.value, 1);
        return squares(w);
      }, { states: w });
      const outer = grad((fail: boolean) => {
        const loss = tf.sum(inner());
        if (fail) throw new Error("stop");
        return loss;
      }, { states: w });
      assertThrows(() => outer(true), Error, "stop");
      assertEquals(await numbers(count.value), [0]);
      assertEquals(await numbers(w.value), [3, 4]);
      // d/dw sum(2 (w + 1)) = 2
      assertEquals(await read(outer(false)), [2, 2]);
      assertEquals(await numbers(count.value), [1]);
      assertEquals(await numbers(w.value), [4, 5]);
    });
  },
);

onEachBackend(
  "states made from one tensor have gradients of their own",
  async () => {
    const x = tf.tensor1d([1, 2]);
    using a = new ParamState(x);
    using b = new ParamState(x);
    const gradient = grad(
      () => tf.sum(tf.add(tf.mul(a.value, 3), tf.mul(b.value, 10))),
      { states: { a, b } },
    );
    assertEquals(await read(gradient()), { a: [3, 3], b: [10, 10] });
    x.dispose();
  },
  cpu,
);

onEachBackend(
  "a state that is read but does not matter has zero gradient",
  async () => {
    using w = param(3, 4);
    using b = param(1, 1);
    const gradient = grad(() => {
      tf.mul(b.value, 2);
      return squares(w);
    }, { states: { w, b } });
    assertEquals(await read(gradient()), { w: [6, 8], b: [0, 0] });
  },
  cpu,
);

onEachBackend(
  "a state that is not read throws, or has zero gradient",
  async () => {
    using w = param(3, 4);
    using b = param(1, 1);
    const loss = () => squares(w);
    const before = tf.memory().numTensors;
    assertThrows(
      () => grad(loss, { states: { w, b } })(),
      Error,
      'it did not read "b": take no such states (for fit and train.step, register none with the optimizer), or give autodiff.grad the option checkStates: false',
    );
    assertEquals(tf.memory().numTensors, before);
    const lenient = grad(loss, { states: { w, b }, checkStates: false });
    assertEquals(await read(lenient()), { w: [6, 8], b: [0, 0] });
  },
  cpu,
);

onEachBackend("vectorGrad() sums over the elements of a tensor", async () => {
  using w = param(3, 4);
  const gradient = vectorGrad(() => tf.square(w.value), { states: w });
  assertEquals(await read(gradient()), [6, 8]);
}, cpu);

onEachBackend(
  "a loss that nobody in the function made is left alone",
  async () => {
    await assertNoLeak(async () => {
      using w = scope(() => new ParamState(tf.scalar(2)));
      const c = tf.scalar(7);
      const [g, value] = grad(() => w.value, {
        states: w,
        returnValue: true,
      })();
      assertEquals([await read(g), await read(value)], [1, 2]);
      grad(() => c, { states: w, checkStates: false })().dispose();
      assertEquals(await numbers(c), [7]);
      c.dispose();
    });
  },
  cpu,
);

onEachBackend("grad() refuses what it cannot differentiate", () => {
  scope(() => {
    using w = param(3, 4);
    using n = new State(tf.tensor1d([1], "int32"));
    const states = w;
    const bad: readonly [() => unknown, string][] = [
      [() => grad(() => squares(w), { states: [] }), "it is empty"],
      [() => grad(() => squares(w), { states: {} }), "it is empty"],
      [
        () => grad(() => squares(w), { states: { w: 3 } as never }),
        '"w" is number',
      ],
      [() => grad(() => squares(w), { argnums: -1 }), "current value is -1"],
      [() => grad(() => squares(w), { argnums: 0.5 }), "current value is 0.5"],
      [() => grad(() => squares(w), { argnums: [0, 0] }), "must differ"],
      [() => grad(() => squares(w), { argnums: [] }), "must not be empty"],
      [() => grad(3 as never), "must be a function"],
      [
        () => grad(() => tf.square(w.value), { states })(),
        "must return a scalar of float32: current shape is [2]",
      ],
      [
        () => grad(() => tf.cast(squares(w), "int32"), { states })(),
        "current dtype is int32",
      ],
      [
        () => grad(() => Promise.resolve(1) as never, { states })(),
        "it returned a promise",
      ],
      [() => grad(() => 3 as never, { states })(), "it returned number"],
      [
        () => grad(() => [squares(w), 1] as const, { states })(),
        "set hasAux to return more",
      ],
      [
        () => grad(() => squares(w), { states, hasAux: true })(),
        "must return [value, aux]",
      ],
      [
        () =>
          grad(() => [squares(w), 1, 2] as never, { states, hasAux: true })(),
        "it returned 3 elements",
      ],
      [
        () => grad(() => squares(n), { states: { n } })(),
        "current dtype is int32",
      ],
      [
        () => grad((x: tf.Tensor) => tf.sum(x))(3 as never),
        "argument 0 must be a tensor",
      ],
    ];
    const before = tf.memory().numTensors;
    for (const [fn, message] of bad) assertThrows(fn, Error, message);
    assert(tf.memory().numTensors === before);
  });
}, cpu);

onEachBackend("gradients have the types of their states", () => {
  scope(() => {
    using w = new ParamState(tf.zeros([2, 2]) as tf.Tensor2D);
    using b = param(1, 2);
    const loss = (x: tf.Tensor2D) =>
      tf.sum(tf.add(tf.matMul(x, w.value), b.value)) as tf.Scalar;
    const options = { states: { w, b }, returnValue: true } as const;
    const [grads, value] = grad(loss, options)(tf.zeros([2, 2]));
    const typed: [tf.Tensor2D, tf.Tensor1D, tf.Scalar] = [
      grads.w,
      grads.b,
      value,
    ];
    assertEquals(typed.map((x) => x.rank), [2, 1, 0]);
  });
}, cpu);
