import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  clipGradNorm,
  customGradient,
  debugNaN,
  globalNorm,
  grad,
  hessian,
  hessianVectorProduct,
  jacobian,
  recompute,
  stopGradient,
  vjp,
} from "../../autodiff/mod.ts";
import { scope } from "../../memory.ts";
import { BatchState, ParamState } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

function param(...x: number[]): ParamState<tf.Tensor1D> {
  return scope(() => new ParamState(tf.tensor1d(x)));
}

async function take(x: tf.Tensor): Promise<number[]> {
  const values = await numbers(x);
  x.dispose();
  return values;
}

onEachBackend("vjp() pulls back any gradient, as often as wanted", async () => {
  await assertNoLeak(async () => {
    using w = param(3, 4);
    using count = scope(() => new BatchState(tf.scalar(0)));
    const x = tf.tensor1d([1, 2]);
    const product = vjp((x: tf.Tensor1D) => {
      count.value = tf.add(count.value, 1);
      return tf.mul(tf.square(w.value), tf.mul(x, count.value));
    }, { states: { w }, argnums: 0 })(x);
    assertEquals(await take(product.value), [9, 32]);
    for (const scale of [1, 10]) {
      const dy = tf.tensor1d([scale, 2 * scale]);
      const [grads, gx] = product.pullback(dy);
      // The count is 1 in every run: each starts where the first did.
      assertEquals(await take(grads.w), [6 * scale, 32 * scale]);
      assertEquals(await take(gx), [9 * scale, 32 * scale]);
      dy.dispose();
    }
    assertEquals(await numbers(count.value), [1]);
    const wrong = tf.zeros([3]);
    assertThrows(
      () => product.pullback(wrong),
      RangeError,
      "current shape is [3]",
    );
    tf.dispose([x, wrong]);
    product.dispose();
  });
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "jacobian() has the value's shape, then the input's",
  async () => {
    await assertNoLeak(async () => {
      using w = param(3, 4);
      const f = () => {
        const [a, b] = tf.unstack(w.value) as [tf.Scalar, tf.Scalar];
        return tf.stack([tf.mul(a, b), tf.square(a), tf.add(b, 1)]);
      };
      const { w: j } = jacobian(f, { states: { w } })();
      assertEquals(j.shape, [3, 2]);
      assertEquals(await take(j), [4, 3, 6, 0, 0, 1]);
      const x = tf.tensor1d([1, 2]);
      const ofX = jacobian((x: tf.Tensor1D) => tf.square(x))(x);
      assertEquals(await take(ofX), [2, 0, 0, 4]);
      x.dispose();
    });
  },
  cpu,
);

onEachBackend("hessian() mirrors the states on both levels", async () => {
  await assertNoLeak(async () => {
    using a = param(1, 2);
    using b = param(3);
    // f = a0² a1 + b0 a0: derivatives 2 a0 a1 + b0, a0², a0
    const f = () => {
      const [x, y] = tf.unstack(a.value) as [tf.Scalar, tf.Scalar];
      return tf.add(
        tf.mul(tf.square(x), y),
        tf.mul(tf.reshape(b.value, []), x),
      );
    };
    const h = hessian(f, { states: { a, b } })();
    assertEquals(h.a.a.shape, [2, 2]);
    assertEquals(h.a.b.shape, [2, 1]);
    assertEquals(await take(h.a.a), [4, 2, 2, 0]);
    assertEquals(await take(h.a.b), [1, 0]);
    assertEquals(await take(h.b.a), [1, 0]);
    assertEquals(await take(h.b.b), [0]);
    const x = tf.tensor1d([2, 5]);
    const cube = (x: tf.Tensor1D) => tf.sum(tf.mul(tf.square(x), x));
    assertEquals(await take(hessian(cube)(x)), [12, 0, 0, 30]);
    assertThrows(
      () => hessian(cube, { states: a, argnums: 0 }),
      TypeError,
      "states or argnums, not both",
    );
    x.dispose();
  });
}, cpu);

onEachBackend(
  "hessianVectorProduct() equals the Hessian times the vector",
  async () => {
    await assertNoLeak(async () => {
      using a = param(1, 2);
      const f = () => {
        const [x, y] = tf.unstack(a.value) as [tf.Scalar, tf.Scalar];
        return tf.mul(tf.square(x), y);
      };
      const v = tf.tensor1d([10, 100]);
      // [[2y, 2x], [2x, 0]] v = [[4, 2], [2, 0]] [10, 100]
      const product = hessianVectorProduct(f, { a })({ a: v });
      assertEquals(await take(product.a), [240, 20]);
      v.dispose();
    });
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend("stopGradient() makes a constant", async () => {
  await assertNoLeak(async () => {
    using w = param(3, 4);
    const g = grad(
      () => tf.sum(tf.mul(w.value, stopGradient(tf.square(w.value)))),
      { states: w },
    )();
    assertEquals(await take(g), [9, 16]);
    const none = grad(() => tf.sum(stopGradient(w.value)), { states: w })();
    assertEquals(await take(none), [0, 0]);
  });
});

onEachBackend("customGradient() uses the gradient it is given", async () => {
  await assertNoLeak(async () => {
    const scaled = customGradient((x: tf.Tensor1D, y: tf.Tensor1D) => ({
      value: tf.mul<tf.Tensor1D>(x, y),
      saved: [x, y],
      gradient: (dy, [x, y]) => [tf.mul(dy, tf.mul(10, y!)), tf.mul(dy, x!)],
    }));
    const x = tf.tensor1d([1, 2]), y = tf.tensor1d([3, 4]);
    const gradient = grad(
      (x: tf.Tensor1D, y: tf.Tensor1D) => tf.sum(scaled(x, y)),
      { argnums: [0, 1] },
    );
    const [gx, gy] = gradient(x, y);
    assertEquals([await take(gx), await take(gy)], [[30, 40], [1, 2]]);
    const second = grad((x: tf.Tensor1D) => {
      const [, gy] = gradient(x, y);
      return tf.sum(tf.square(gy));
    });
    assertEquals(await take(second(x)), [2, 4]);
    tf.dispose([x, y]);
  });
});

onEachBackend(
  "recompute() has the same gradients and saves nothing between",
  async () => {
    await assertNoLeak(async () => {
      using w = param(0.3, 0.4);
      using count = scope(() => new BatchState(tf.scalar(0)));
      const block = (x: tf.Tensor1D, k: number): tf.Tensor1D => {
        count.value = tf.add(count.value, 1);
        return tf.tanh(
          tf.mul(tf.mul(w.value, tf.exp(x)), tf.add(count.value, k)),
        );
      };
      const x = tf.tensor1d([0.1, 0.2]);
      const results: number[][] = [];
      for (const f of [block, recompute(block)]) {
        scope(() => {
          count.value = tf.scalar(0);
        });
        let saved = 0;
        const gradient = grad((x: tf.Tensor1D) => {
          const y = tf.sum(tf.mul(f(f(x, 1), 2), x));
          saved = tf.memory().numTensors;
          return y;
        }, { states: { w }, argnums: 0, returnValue: true });
        const before = tf.memory().numTensors;
        const [[grads, gx], loss] = gradient(x);
        results.push([
          ...await take(loss),
          ...await take(grads.w),
          ...await take(gx),
          ...await numbers(count.value),
          saved - before,
        ]);
      }
      const [plain, again] = results as [number[], number[]];
      const savings = plain.pop()! - again.pop()!;
      assert(savings > 0, `it kept ${-savings} tensors more`);
      plain.forEach((value, i) => assertAlmostEquals(again[i]!, value, 1e-6));
      x.dispose();
    });
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "clipGradNorm() bounds the norm of all gradients, and frees them",
  async () => {
    await assertNoLeak(async () => {
      const make = () => ({ a: tf.tensor1d([3]), b: tf.tensor1d([0, 4]) });
      const { grads, norm } = clipGradNorm(make(), 1);
      assertEquals(await take(norm), [5]);
      assertAlmostEquals((await take(grads.a))[0]!, 0.6, 1e-6);
      assertAlmostEquals((await take(grads.b))[1]!, 0.8, 1e-6);
      const small = clipGradNorm(make(), 10);
      assertEquals(await take(small.grads.a), [3]);
      assertEquals(await take(small.grads.b), [0, 4]);
      const largest = clipGradNorm(make(), 2, { normType: Infinity });
      assertEquals(await take(largest.norm), [4]);
      assertAlmostEquals((await take(largest.grads.a))[0]!, 1.5, 1e-6);
      const sum = clipGradNorm(make(), 7, { normType: 1 });
      assertEquals(await take(sum.norm), [7]);
      tf.dispose([small.norm, largest.grads.b, sum.grads]);
      const bad = make();
      assertEquals(await take(globalNorm(bad)), [5]);
      assertEquals(await take(globalNorm({})), [0]);
      assertThrows(
        () => clipGradNorm(bad, 0),
        RangeError,
        "maxNorm must be a positive number",
      );
      assertThrows(
        () => clipGradNorm(bad, 1, { normType: -1 }),
        RangeError,
        "normType must be a positive number: current value is -1",
      );
      tf.dispose(bad);
    });
  },
);

onEachBackend(
  "debugNaN() names the state or the first op that went wrong",
  async () => {
    await assertNoLeak(async () => {
      using w = param(1, -1);
      const gradient = grad(() => tf.sum(tf.sqrt(w.value)), { states: w });
      await assertRejects(
        () => debugNaN(() => gradient()),
        Error,
        "(Sqrt) made NaN",
      );
      using bad = param(1, NaN);
      await assertRejects(
        () => debugNaN(() => tf.add(bad.value, 1), { states: { bad } }),
        Error,
        'state "bad" of shape [2] holds NaN (element 1 of 2)',
      );
      const fine = await debugNaN(() => tf.square(w.value), { states: { w } });
      assertEquals(await take(fine), [1, 1]);
    });
  },
  cpu,
);

onEachBackend(
  "a custom gradient may be a saved tensor, and has the shapes of the inputs",
  async () => {
    const half = customGradient((x: tf.Tensor1D) => ({
      value: tf.mul<tf.Tensor1D>(tf.square(x), 0.5),
      saved: [x],
      gradient: (_, [x]) => x!,
    }));
    const x = tf.tensor1d([1, 2]);
    await assertNoLeak(async () => {
      const dx = grad((x: tf.Tensor1D) => tf.sum<tf.Scalar>(half(x)))(x);
      assertEquals(await numbers(dx), [1, 2]);
      dx.dispose();
    });
    const product = (gradient: (dy: tf.Tensor1D) => unknown) =>
      customGradient((x: tf.Tensor1D, y: tf.Tensor1D) => ({
        value: tf.mul<tf.Tensor1D>(x, y),
        gradient: gradient as never,
      }));
    const wrong: [(dy: tf.Tensor1D) => unknown, string][] = [
      [
        (dy) => dy,
        "the gradients must be as many as inputs, 2: current value is 1",
      ],
      [
        (dy) => [dy, tf.scalar(1)],
        "the gradient in input 1 must be of shape [2]",
      ],
      [(dy) => [3, dy], "the gradient in input 0 must be a tensor"],
    ];
    for (const [gradient, message] of wrong) {
      const f = product(gradient);
      const before = tf.memory().numTensors;
      assertThrows(
        () => grad((x: tf.Tensor1D) => tf.sum<tf.Scalar>(f(x, x)))(x),
        Error,
        message,
      );
      assertEquals(tf.memory().numTensors, before);
    }
  },
  { only: ["cpu", "wasm"] },
);
