import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  customGradient,
  grad,
  hessian,
  hessianVectorProduct,
  jacobian,
  jvp,
  linearize,
  recompute,
  stopGradient,
  vjp,
} from "../../autodiff/mod.ts";
import { compile } from "../../compile.ts";
import { cond, forLoop, scan, whileLoop } from "../../control_flow/mod.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";
import * as random from "../../random.ts";
import { BatchState, ParamState } from "../../state.ts";
import * as tfx from "../../tf.ts";
import { vmap } from "../../vmap/mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;
const host = { only: ["cpu", "wasm"] } as const;

async function take(x: tf.Tensor): Promise<number[]> {
  const values = await numbers(x);
  x.dispose();
  return values;
}

function wave(shape: number[], seed = 1): tf.Tensor {
  const size = tf.util.sizeFromShape(shape);
  const values = Float32Array.from(
    { length: size },
    (_, i) => Math.sin(seed + 1.7 * i + 0.3 * i * i),
  );
  return tf.tensor(values, shape);
}

/** Asserts that `vmap(fn)` is a loop of `fn` over the first axis of `xs`. */
async function assertLoop(
  fn: (x: tf.Tensor) => tf.Tensor,
  xs: tf.Tensor,
  tolerance = 1e-5,
): Promise<void> {
  await assertNoLeak(async () => {
    const all = vmap(fn)(xs);
    const each = scope(() => tf.stack(tf.unstack(xs).map(fn)));
    assertEquals(all.shape, each.shape);
    const want = await take(each), got = await take(all);
    want.forEach((x, i) => assertAlmostEquals(got[i]!, x, tolerance));
  });
}

onEachBackend(
  "axes of examples may be anywhere, and shared arguments have none",
  async () => {
    const x = wave([3, 4, 2]), z = wave([3], 2);
    await assertNoLeak(async () => {
      const seen: number[][] = [];
      const [sum, name, { doubled }] = vmap(
        (x: tf.Tensor, z: tf.Tensor, name: string) => {
          seen.push(x.shape, z.shape);
          const sum = tf.add(tf.sum(x, 1), z);
          return [sum, name, { doubled: tf.mul(x, 2) }] as const;
        },
        { inAxes: [2, null, null], outAxes: [-1, 0, 1] },
      )(x, z, "kept");
      assertEquals(seen, [[3, 4], [3]]);
      assertEquals([sum.shape, name, doubled.shape], [[3, 2], "kept", [
        3,
        2,
        4,
      ]]);
      const want = await take(
        scope(() => tf.add(tf.sum(x, 1), tf.reshape(z, [3, 1]))),
      );
      const got = await take(sum);
      want.forEach((v, i) => assertAlmostEquals(got[i]!, v, 1e-6));
      doubled.dispose();
      // A record of arguments, and a result that does not depend on the example.
      const { same, both } = vmap((
        { a, b }: { a: tf.Tensor; b: tf.Tensor },
      ) => ({
        same: tf.add(z, 1),
        both: tf.add(a, b),
      }))({ a: x, b: x });
      assertEquals([same.shape, both.shape], [[3, 3], [3, 4, 2]]);
      tf.dispose([same, both]);
    });
    tf.dispose([x, z]);
  },
  host,
);

onEachBackend(
  "parts of an argument and of a result have axes of their own",
  async () => {
    const w = wave([3, 4], 2), b = wave([3], 3), x = wave([4, 5], 4);
    await assertNoLeak(async () => {
      const fn = (p: { w: tf.Tensor; b: tf.Tensor[] }, x: tf.Tensor) => ({
        y: tf.add(tf.sum(tf.mul(p.w, x), -1), p.b[0]!),
        parts: [p.w, x] as const,
      });
      const made = vmap(fn, {
        inAxes: [{ w: null, b: [null] }, -1],
        outAxes: { y: 0, parts: [1, -1] },
      })({ w, b: [b] }, x);
      assertEquals(
        [made.y.shape, made.parts[0].shape, made.parts[1].shape],
        [[5, 3], [3, 5, 4], [4, 5]],
      );
      const want = await take(
        scope(() =>
          tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, true, true), b)
        ),
      );
      (await take(made.y)).forEach((v, i) =>
        assertAlmostEquals(v, want[i]!, 1e-5)
      );
      assertEquals(await take(made.parts[1]), await numbers(x));
      made.parts[0].dispose();
    });
    tf.dispose([w, b, x]);
  },
  host,
);

onEachBackend(
  "vmap of grad is a gradient for each example, of arguments and states",
  async () => {
    using w = scope(() => new ParamState(wave([3, 2])));
    const x = wave([4, 3], 5), y = wave([4, 2], 6);
    const loss = (x: tf.Tensor, y: tf.Tensor) =>
      tf.mean<tf.Scalar>(
        tf.squaredDifference(
          tf.tanh(tf.matMul(tf.reshape(x, [1, 3]), w.value)),
          y,
        ),
      );
    await assertNoLeak(async () => {
      const gradient = grad(loss, {
        states: { w },
        argnums: 0,
        returnValue: true,
      });
      const [[{ w: gw }, gx], losses] = vmap(gradient)(x, y) as unknown as [
        [{ w: tf.Tensor }, tf.Tensor],
        tf.Tensor,
      ];
      assertEquals([gw.shape, gx.shape, losses.shape], [[4, 3, 2], [4, 3], [
        4,
      ]]);
      const got = [await take(gw), await take(gx), await take(losses)];
      for (let i = 0; i < 4; i++) {
        const [[{ w: one }, ox], l] = scope(() =>
          gradient(tf.gather(x, i), tf.gather(y, i))
        );
        const want = [await take(one), await take(ox), await take(l)];
        want.forEach((values, k) =>
          values.forEach((v, j) =>
            assertAlmostEquals(got[k]![i * values.length + j]!, v, 1e-6)
          )
        );
      }
    });
    tf.dispose([x, y]);
  },
);

onEachBackend(
  "vmap of products, Jacobians and Hessians is each of them by example",
  async () => {
    const xs = wave([3, 4], 2);
    const cube = (x: tf.Tensor) => tf.mul(tf.square(x), tf.reverse(x));
    const energy = (x: tf.Tensor) => tf.sum<tf.Scalar>(cube(x));
    const v = wave([4], 9);
    await assertLoop((x) => jvp(cube)(v, x).tangent, xs);
    await assertLoop((x) => jvp(cube)(x, x).tangent, xs);
    await assertLoop((x) => {
      using product = vjp(cube)(x);
      return product.pullback(x);
    }, xs);
    await assertLoop((x) => jacobian(cube, { mode: "reverse" })(x), xs);
    await assertLoop((x) => jacobian(cube, { mode: "forward" })(x), xs);
    await assertLoop((x) => hessian(energy)(x), xs);
    await assertLoop(
      (x) => jvp((x: tf.Tensor) => grad(energy)(x) as tf.Tensor)(v, x).tangent,
      xs,
    );
    using w = scope(() => new ParamState(wave([4], 7)));
    await assertLoop(
      (x) =>
        hessianVectorProduct(() => energy(tf.mul(w.value, x)), { w })({ w: x })
          .w,
      xs,
    );
    tf.dispose([xs, v]);
  },
  host,
);

onEachBackend("vmap of vmap has both axes, with gradients inside", async () => {
  const a = wave([3, 2]), b = wave([4, 2], 4);
  await assertNoLeak(async () => {
    const dots = vmap((a: tf.Tensor) =>
      vmap((b: tf.Tensor) => tf.sum(tf.mul(a, b)))(b)
    )(a);
    assertEquals(dots.shape, [3, 4]);
    const want = await take(
      tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, false, true),
    );
    (await take(dots)).forEach((x, i) => assertAlmostEquals(x, want[i]!, 1e-6));
    const slopes = vmap((a: tf.Tensor) =>
      vmap((b: tf.Tensor) =>
        grad((a: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(tf.square(a), b)))(a)
      )(b)
    )(a);
    assertEquals(slopes.shape, [3, 4, 2]);
    const expected = await take(
      scope(() => tf.mul(tf.mul(2, tf.reshape(a, [3, 1, 2])), b)),
    );
    (await take(slopes)).forEach((x, i) =>
      assertAlmostEquals(x, expected[i]!, 1e-6)
    );
    // A gradient around both, of what they share: the derivative of Σ w b_i b_j.
    const w = wave([2], 8);
    const around = grad((w: tf.Tensor) =>
      tf.sum<tf.Scalar>(
        vmap((b: tf.Tensor) =>
          vmap((c: tf.Tensor) => tf.mul(tf.mul(w, b), c))(tf.clone(b2))
        )(b2),
      )
    );
    const b2 = tf.clone(b);
    const g = await take(around(w) as tf.Tensor);
    const sums = await take(scope(() => tf.square(tf.sum(b, 0))));
    g.forEach((x, i) => assertAlmostEquals(x, sums[i]!, 1e-5));
    tf.dispose([w, b2]);
  });
  tf.dispose([a, b]);
}, host);

onEachBackend(
  "custom gradients, constants and recomputation are those of each example",
  async () => {
    using w = scope(() => new ParamState(wave([4], 3)));
    const xs = wave([3, 4], 2);
    const clipped = customGradient((x: tf.Tensor, y: tf.Tensor) => ({
      value: tf.mul(tf.square(x), y),
      saved: [x, y],
      // Not the derivative, so that it shows.
      gradient: (dy, [x, y]) => [
        tf.mul(dy, tf.add(x!, 10)),
        tf.mul(dy, tf.sum(y!)),
      ],
    }));
    const block = recompute((x: tf.Tensor) =>
      tf.tanh(tf.mul(w.value, tf.sin(x)))
    );
    const functions: Record<string, (x: tf.Tensor) => tf.Tensor> = {
      custom: (x) => clipped(x, w.value),
      mixed: (x) => clipped(w.value, x),
      constant: (x) => tf.mul(x, stopGradient(tf.square(x))),
      block: (x) => block(block(x)),
    };
    for (const [name, fn] of Object.entries(functions)) {
      const ofX = (x: tf.Tensor) =>
        grad((x: tf.Tensor) => tf.sum<tf.Scalar>(fn(x)))(x) as tf.Tensor;
      const ofW = (x: tf.Tensor) =>
        grad(() => tf.sum<tf.Scalar>(fn(x)), {
          states: w,
          checkStates: false,
        })();
      await assertLoop(fn, xs);
      await assertLoop(ofX, xs);
      await assertLoop(ofW, xs);
      // Around vmap, the gradient of what is shared is a sum.
      await assertNoLeak(async () => {
        const total = grad(() => tf.sum<tf.Scalar>(vmap(fn)(xs)), {
          states: w,
          checkStates: false,
        })();
        const sum = scope(() => tf.addN(tf.unstack(xs).map(ofW)));
        const want = await take(sum);
        (await take(total)).forEach((x, i) =>
          assertAlmostEquals(x, want[i]!, 1e-5, name)
        );
      });
    }
    xs.dispose();
  },
  host,
);

onEachBackend(
  "loops and branches run inside; conditions must not depend on the example",
  async () => {
    using w = scope(() => new ParamState(wave([4], 3)));
    const xs = wave([3, 4], 2), times = wave([5, 4], 6);
    const looped = (x: tf.Tensor) =>
      scan(
        (h: tf.Tensor, t: tf.Tensor): [tf.Tensor, tf.Tensor] => {
          const next = tf.tanh(tf.add(tf.mul(h, w.value), t));
          return [next, tf.mul(next, x)];
        },
        x,
        times,
      )[1] as tf.Tensor;
    await assertLoop(looped, xs);
    await assertLoop(
      (x) =>
        grad((x: tf.Tensor) => tf.sum<tf.Scalar>(looped(x)))(x) as tf.Tensor,
      xs,
    );
    await assertLoop(
      (x) => forLoop((t: tf.Tensor) => tf.mul(t, x), times) as tf.Tensor,
      xs,
    );
    await assertLoop(
      (x) =>
        cond(tf.scalar(true, "bool"), () => tf.mul(x, 2), () => x) as tf.Tensor,
      xs,
    );
    await assertLoop((x) =>
      whileLoop(
        ([i]: [tf.Tensor, tf.Tensor]) => tf.less(i, 3),
        ([i, y]: [tf.Tensor, tf.Tensor]): [tf.Tensor, tf.Tensor] => [
          tf.add(i, 1),
          tf.mul(y, x),
        ],
        [tf.scalar(0), x] as [tf.Tensor, tf.Tensor],
      )[1], xs);
    assertThrows(
      () =>
        vmap((x: tf.Tensor) =>
          cond(tf.greater(tf.sum(x), 0), () => x, () => tf.neg(x))
        )(xs),
      Error,
      "Cannot read a tensor inside of vmap: it stands for one of each example",
    );
    assertThrows(
      () => vmap((x: tf.Tensor) => x.dataSync())(xs),
      Error,
      "Cannot read a tensor inside of vmap",
    );
    // Inside of vmap a loop keeps what its gradient needs, as it does without recompute.
    const again = (x: tf.Tensor, recompute: boolean) =>
      forLoop((t: tf.Tensor) => tf.sin(tf.mul(tf.mul(t, x), w.value)), times, {
        recompute,
      }) as tf.Tensor;
    const around = (recompute: boolean) =>
      grad(
        (xs: tf.Tensor) =>
          tf.sum<tf.Scalar>(vmap((x: tf.Tensor) => again(x, recompute))(xs)),
        {
          states: w,
          argnums: 0,
        },
      )(xs);
    const [ofW, ofXs] = around(true), [wantW, wantXs] = around(false);
    for (const [x, y] of [[ofW, wantW], [ofXs, wantXs]] as const) {
      const want = await take(y);
      (await take(x)).forEach((v, i) => assertAlmostEquals(v, want[i]!, 1e-5));
    }
    await assertLoop(
      (x) =>
        grad((x: tf.Tensor) => tf.sum<tf.Scalar>(again(x, true)))(
          x,
        ) as tf.Tensor,
      xs,
    );
    tf.dispose([xs, times]);
  },
  host,
);

onEachBackend(
  "each example draws numbers of its own, and the stream goes on",
  async () => {
    const xs = tf.zeros([4, 3]);
    using stream = new random.RandomState(3);
    const start = stream.value;
    const draws: Record<string, (x: tf.Tensor) => tf.Tensor> = {
      uniform: (x) => tf.add(x, random.uniform([3], { random: stream })),
      normal: (x) => tf.add(x, random.normal([3], { random: stream })),
      bernoulli: (x) =>
        tf.add(
          x,
          tf.cast(random.bernoulli([3], { random: stream }), "float32"),
        ),
      randint: (x) =>
        tf.add(
          x,
          tf.cast(
            random.randint([3], { max: 1000, random: stream }),
            "float32",
          ),
        ),
      alone: () => random.normal([3], { random: stream }),
    };
    for (const [name, fn] of Object.entries(draws)) {
      await assertNoLeak(async () => {
        stream.value = start;
        const made = vmap(fn)(xs);
        assertEquals(made.shape, [4, 3]);
        const rows = await take(made);
        const set = new Set(
          [0, 3, 6, 9].map((i) => rows.slice(i, i + 3).join()),
        );
        if (name !== "bernoulli") assertEquals(set.size, 4, name);
        else assert(set.size > 1);
        // The numbers of a draw of all examples at once.
        if (name === "normal") {
          stream.value = start;
          const all = random.normal([4, 3], { random: stream });
          assertEquals(await take(all), rows);
        }
      });
    }
    const pairs = vmap((_: tf.Tensor) =>
      vmap((_: tf.Tensor) => random.normal([], { random: stream }))(xs)
    )(
      xs,
    );
    assertEquals(pairs.shape, [4, 4]);
    assertEquals(new Set(await take(pairs)).size, 16);
    assertNotEquals(stream.value.offset, start.offset);
    for (
      const fn of [
        () => random.permutation(3, { random: stream }),
        () => stream.words(3),
      ]
    ) {
      assertThrows(
        () => vmap((x: tf.Tensor) => (fn(), x))(xs),
        Error,
        "Cannot draw words inside of vmap: they would be the same for all examples",
      );
    }
    xs.dispose();
  },
  host,
);

onEachBackend(
  "states are shared: writes are kept if they do not differ by example",
  async () => {
    const xs = wave([3, 2]);
    using count = scope(() => new BatchState(tf.scalar(0)));
    const x0 = await numbers(xs);
    await assertNoLeak(async () => {
      const made = vmap((x: tf.Tensor) => {
        count.value = tf.add(count.value, 1);
        return tf.mul(x, count.value);
      })(xs);
      assertEquals(await take(made), x0);
      assertEquals(await numbers(count.value), [1]);
      assertThrows(
        () =>
          vmap((x: tf.Tensor) => {
            count.value = tf.sum<tf.Scalar>(x);
            return x;
          })(xs),
        Error,
        "Cannot run vmap: what the function writes to states must be the same for all examples: return it instead",
      );
      assertEquals(await numbers(count.value), [1]);
      // A result that cannot be takes back what was written.
      assertThrows(
        () =>
          vmap((x: tf.Tensor) => {
            count.value = tf.add(count.value, 1);
            return x;
          }, { outAxes: 5 })(xs),
        RangeError,
        "the result must be a tensor with axis 5",
      );
      assertEquals(await numbers(count.value), [1]);
      // Those of inside may differ.
      const inner = vmap((x: tf.Tensor) => {
        using sum = new BatchState(x);
        sum.value = tf.add(sum.value, x);
        return tf.clone(sum.value);
      })(xs);
      assertEquals(await take(inner), x0.map((x) => Math.fround(2 * x)));
    });
    xs.dispose();
  },
  host,
);

/** Layers of several kinds, on one example. */
const LAYERS: Record<string, () => (x: tf.Tensor) => tf.Tensor> = {
  "a dense layer": () => {
    const layer = new nn.Linear(4, 3);
    return (x) => layer.call(x as tf.Tensor2D);
  },
  "a convolution": () => {
    const layer = new nn.Conv2d(1, 2, [3, 3]);
    return (x) =>
      layer.call(tf.reshape(x, [1, 3, 4, 1]) as never) as unknown as tf.Tensor;
  },
  "layer normalization": () => {
    const layer = new nn.LayerNorm(4);
    return (x) => layer.call(x as never) as tf.Tensor;
  },
  "batch normalization": () => {
    const layer = new nn.BatchNorm0d(4);
    return (x) => layer.call(x as never) as tf.Tensor;
  },
  GELU: () => (x) => nn.gelu(x),
  "softmax cross-entropy": () => (x) =>
    nn.softmaxCrossEntropy(
      x as tf.Tensor2D,
      tf.tensor1d([0, 2, 1], "int32"),
    ),
  attention: () => {
    const layer = new nn.MultiHeadAttention(4, 2);
    return (x) => layer.call(tf.reshape(x, [1, 3, 4]) as never) as tf.Tensor;
  },
  LSTM: () => {
    const layer = new nn.LSTM(4, 3);
    return (x) => layer.call(tf.reshape(x, [1, 3, 4]) as never) as tf.Tensor;
  },
};

for (const [name, make] of Object.entries(LAYERS)) {
  onEachBackend(`${name} and its gradient run inside of vmap`, async () => {
    const layer = make();
    const xs = wave([3, 3, 4], 2);
    const fn = (x: tf.Tensor) => {
      const y = layer(x);
      return Array.isArray(y) ? y[0] : y;
    };
    await assertLoop(fn, xs, 1e-4);
    await assertLoop(
      (x) =>
        grad((x: tf.Tensor) => tf.sum<tf.Scalar>(tf.square(fn(x))))(
          x,
        ) as tf.Tensor,
      xs,
      1e-4,
    );
    xs.dispose();
  });
}

onEachBackend(
  "dropout of each example has a mask of its own",
  async () => {
    const dropout = new nn.Dropout({
      rate: 0.5,
      random: new random.RandomState(2),
    });
    const xs = tf.ones([4, 32]);
    const made = environ.context(
      { fit: true },
      () => vmap((x: tf.Tensor) => dropout.call(x))(xs),
    );
    const values = await take(made);
    assertEquals(new Set(values), new Set([0, 2]));
    const rows = [0, 1, 2, 3].map((i) =>
      values.slice(32 * i, 32 * i + 32).join()
    );
    assertEquals(new Set(rows).size, 4);
    xs.dispose();
  },
  host,
);

onEachBackend(
  "vmap is compiled, and runs compiled functions as they are",
  async () => {
    using w = scope(() => new ParamState(wave([4], 3)));
    const xs = wave([3, 4], 2);
    const gradients = vmap((x: tf.Tensor) =>
      grad(() => tf.sum<tf.Scalar>(tf.tanh(tf.mul(tf.square(w.value), x))), {
        states: w,
      })()
    );
    using compiled = compile(gradients as (xs: tf.Tensor) => tf.Tensor);
    const want = await take(gradients(xs));
    for (let i = 0; i < 5; i++) {
      assertEquals(await take(compiled(xs)), want);
    }
    assert(compiled.report().programs.length > 0);
    using square = compile((x: tf.Tensor) => tf.square(x));
    for (let i = 0; i < 4; i++) {
      await assertLoop((x) => square(x), xs);
      (await take(square(w.value))).length;
    }
    xs.dispose();
  },
  { only: ["wasm", "webgpu"] },
);

onEachBackend(
  "products of a function outside are taken for all directions inside",
  async () => {
    const x = wave([4], 1), vs = wave([6, 4], 2);
    await assertNoLeak(async () => {
      const linear = linearize((x: tf.Tensor) =>
        tfx.logSoftmax(tf.mul(tf.tanh(x), tf.reverse(x)))
      )(x);
      await assertLoop((v) => linear.pushforward(v), vs);
      let inner: { pushforward(v: tf.Tensor): tf.Tensor } | undefined;
      const made = vmap((x: tf.Tensor) => {
        const linear = linearize((x: tf.Tensor) => tf.square(x))(x);
        inner = linear;
        const y = linear.pushforward(x);
        linear.dispose();
        return y;
      })(vs);
      assertThrows(
        () => inner!.pushforward(x),
        Error,
        "must be taken in the same call of vmap",
      );
      tf.dispose([made, linear.value]);
      linear.dispose();
    });
    tf.dispose([x, vs]);
  },
  host,
);

onEachBackend("what cannot be is refused, and nothing leaks", () => {
  const x = wave([3, 4]), y = wave([2, 4]);
  const add = (...xs: tf.Tensor[]) => tf.addN(xs);
  const before = tf.memory().numTensors;
  const wrong: [() => unknown, string][] = [
    [() => vmap(3 as never), "the first argument must be a function"],
    [() => vmap(add, { axes: 1 } as never), 'there is no option "axes"'],
    [() => vmap(add, { inAxes: 0.5 }), "inAxes must be"],
    [
      () => vmap(add, { inAxes: { a: 0 } as never }),
      "inAxes must be an axis, null or a list",
    ],
    [() => vmap(add, { inAxes: [{ a: 0.5 }] }), "inAxes[0][a] must be"],
    [() => vmap(add, { outAxes: [null] }), "outAxes[0] must be"],
    [
      () => vmap(add, { inAxes: [{ a: 0 }] })(x),
      'argument 0 must be a record of "a", as its axes',
    ],
    [
      () => vmap(add as never, { inAxes: [[0]] })([x, x] as never),
      'argument 0 must be a list of 1, as its axes: current value is "a list of 2"',
    ],
    [() => vmap(add, { inAxes: [0, "1"] as never }), "inAxes[1] must be"],
    [() => vmap(add, { outAxes: null as never }), "outAxes must be"],
    [
      () => vmap(add, { inAxes: [0] })(x, x),
      "inAxes must be as many as arguments, 2",
    ],
    [
      () => vmap(add)(x, y),
      "argument 1 must be of 3 examples: current value is 2",
    ],
    [
      () => vmap(add, { inAxes: 2 })(x),
      "argument 0 must be a tensor with axis 2",
    ],
    [
      () => vmap(add, { outAxes: 3 })(x),
      "the result must be a tensor with axis 3",
    ],
    [
      () => vmap(add, { outAxes: [0, 1] })(x),
      "the result must be a list of 2, as its axes",
    ],
    [
      () => vmap(add, { inAxes: null })(x),
      "an argument must be a tensor with an axis of examples",
    ],
    [
      () => vmap(() => 1)(),
      "an argument must be a tensor with an axis of examples",
    ],
    [
      () => vmap(add)(tf.zeros([0, 2])),
      "the number of examples must be at least 1",
    ],
    [
      () => vmap((_: tf.Tensor) => Promise.resolve(1) as never)(x),
      "must not return a promise",
    ],
  ];
  for (const [call, message] of wrong) {
    const error = assertThrows(() => scope(() => void call()), Error);
    assert(error.message.includes(message), error.message);
  }
  let kept: tf.Tensor | undefined;
  vmap((x: tf.Tensor) => {
    kept = tf.keep(tf.clone(x));
    return x;
  })(x).dispose();
  assertThrows(
    () => vmap((x: tf.Tensor) => tf.add(x, kept!))(x),
    Error,
    "Cannot use a tensor of vmap: the function that it was made in must not have returned",
  );
  assertThrows(
    () => tf.add(kept!, 1),
    Error,
    "Cannot read a tensor inside of vmap",
  );
  kept!.dispose();
  assertEquals(tf.memory().numTensors, before);
  tf.dispose([x, y]);
}, cpu);
