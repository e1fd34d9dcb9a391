import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  customGradient,
  grad,
  hessianVectorProduct,
  jacobian,
  jvp,
  linearize,
  recompute,
} from "../../autodiff/mod.ts";
import { forLoop, scan } from "../../control_flow/mod.ts";
import { environ } from "../../environ.ts";
import { watchingKernels } from "../../internal/engine.ts";
import { scope } from "../../memory.ts";
import { Dropout } from "../../nn/mod.ts";
import { normal, RandomState } from "../../random.ts";
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

onEachBackend(
  "jvp() takes tangents in states and arguments, and returns aux",
  async () => {
    await assertNoLeak(async () => {
      using w = param(3, 4);
      using count = scope(() => new BatchState(tf.scalar(0)));
      const x = tf.tensor1d([1, 2]);
      const dw = tf.tensor1d([1, 10]), dx = tf.tensor1d([100, 1000]);
      const along = jvp((x: tf.Tensor1D) => {
        count.value = tf.add(count.value, 1);
        const y = tf.mul<tf.Tensor1D>(tf.square(w.value), x);
        return [y, { doubled: tf.mul(y, 2) }] as const;
      }, { states: { w }, argnums: [0], hasAux: true });
      const { value, tangent, aux } = along([{ w: dw }, [dx]], x);
      assertEquals(await take(value), [9, 32]);
      // 2 w x dw + w² dx
      assertEquals(await take(tangent), [906, 16160]);
      assertEquals(await take(aux.doubled), [18, 64]);
      assertEquals(await numbers(count.value), [1]);
      const partial = jvp((x: tf.Tensor1D) => tf.mul(w.value, x), {
        states: [w],
        argnums: 0,
      })([[dw], dx], x);
      assertEquals(await take(partial.tangent), [301, 4020]);
      tf.dispose([partial.value, x, dw, dx]);
    });
  },
);

onEachBackend(
  "linearize() gives products without running the function again",
  async () => {
    await assertNoLeak(async () => {
      const x = tf.tensor1d([1, 2]);
      let runs = 0;
      const linear = linearize((x: tf.Tensor1D) => {
        runs++;
        return tf.mul<tf.Tensor1D>(tf.square(x), x);
      })(x);
      x.dispose();
      assertEquals(await take(linear.value), [1, 8]);
      for (const scale of [1, 10]) {
        const v = tf.tensor1d([scale, 2 * scale]);
        const product = linear.pushforward(v);
        assertEquals(await take(product), [3 * scale, 24 * scale]);
        v.dispose();
      }
      assertEquals(runs, 1);
      linear.dispose();
      const v = tf.tensor1d([1, 1]);
      assertThrows(
        () => linear.pushforward(v),
        Error,
        "Cannot differentiate: what was saved must not have been disposed: dispose() has been called",
      );
      v.dispose();
    });
  },
);

onEachBackend(
  "a value that does not depend on an input, or is one, has its tangent",
  async () => {
    await assertNoLeak(async () => {
      const x = tf.tensor1d([1, 2]), v = tf.tensor1d([3, 4]);
      const same = jvp((x: tf.Tensor1D) => x)(v, x);
      assertEquals(await take(same.value), [1, 2]);
      assertEquals(await take(same.tangent), [3, 4]);
      const none = jvp((_: tf.Tensor1D) => tf.ones([3]))(v, x);
      assertEquals(await take(none.tangent), [0, 0, 0]);
      assertEquals(await numbers(v), [3, 4]);
      tf.dispose([same, none, x, v] as unknown as tf.TensorContainer);
      none.value.dispose();
    });
  },
  cpu,
);

onEachBackend(
  "jvp() of a gradient is a product with the Hessian, and has a gradient itself",
  async () => {
    await assertNoLeak(async () => {
      using w = param(0.3, -0.4);
      const loss = () => tf.sum(tf.exp(tf.mul(w.value, tf.reverse(w.value))));
      const v = tf.tensor1d([0.5, 2]);
      const gradient = () => grad(loss, { states: w })() as tf.Tensor1D;
      const { value, tangent } = jvp(gradient, { states: w })(v);
      const expected = hessianVectorProduct(loss, { w })({ w: v });
      const want = await take(expected.w), got = await take(tangent);
      want.forEach((x, i) => assertAlmostEquals(got[i]!, x, 1e-6));
      value.dispose();
      // Σ (2 x v): its gradient in x is 2 v.
      const x = tf.tensor1d([1, 2]);
      const square = (x: tf.Tensor1D) => tf.square<tf.Tensor1D>(x);
      const total = (x: tf.Tensor1D) => tf.sum(jvp(square)(v, x).tangent);
      assertEquals(await take(grad(total)(x)), [1, 4]);
      // Along v twice: 6 x v² of x³.
      const cube = (x: tf.Tensor1D) => tf.mul<tf.Tensor1D>(tf.square(x), x);
      const twice = jvp((x: tf.Tensor1D) => jvp(cube)(v, x).tangent)(v, x);
      assertEquals(await take(twice.tangent), [1.5, 48]);
      tf.dispose([twice.value, x, v]);
    });
  },
);

onEachBackend(
  "products cannot be taken after the gradient around them has ended",
  () => {
    const x = tf.tensor1d([1, 2]);
    let linear: { pushforward(v: tf.Tensor1D): tf.Tensor } | undefined;
    const gradient = grad((x: tf.Tensor1D) => {
      linear = linearize((x: tf.Tensor1D) => tf.square<tf.Tensor1D>(x))(x);
      return tf.sum(linear.pushforward(x));
    })(x);
    assertThrows(
      () => linear!.pushforward(x),
      Error,
      "the gradient around it, which owns that, has ended",
    );
    tf.dispose([x, gradient]);
  },
  cpu,
);

/** Functions of a parameter of two elements, of about 1. */
const COMPOSED: Record<string, (w: ParamState<tf.Tensor1D>) => tf.Tensor> = {
  "a loop with a state": (w) => {
    using h = new BatchState(tf.zeros([2]));
    return forLoop((a: tf.Scalar) => {
      h.value = tf.tanh(tf.add(tf.mul(h.value, w.value), a));
      return h.value;
    }, tf.tensor1d([1, 2, 3]));
  },
  "a loop that is run again": (w) =>
    scan(
      (h: tf.Tensor1D, a: tf.Scalar): [tf.Tensor1D, tf.Tensor1D] => {
        const next = tf.tanh<tf.Tensor1D>(tf.add(tf.mul(h, w.value), a));
        return [next, tf.square(next)];
      },
      tf.ones<tf.Rank.R1>([2]),
      tf.tensor1d([1, 2, 3]),
      { recompute: true },
    )[1],
  recomputation: (w) =>
    recompute((a: tf.Tensor1D) => tf.tanh(tf.mul(w.value, tf.sin(a))))(
      tf.square(w.value),
    ),
  "a custom gradient": (w) => {
    const exp = customGradient((x: tf.Tensor1D) => {
      const value = tf.exp<tf.Tensor1D>(x);
      return { value, saved: [value], gradient: (dy, [y]) => tf.mul(dy, y!) };
    });
    return tf.mul(exp(w.value), w.value);
  },
  "random numbers": (w) => {
    using stream = new RandomState(7);
    const noise = normal([2], { random: stream });
    return tf.square(tf.add(w.value, noise));
  },
};

for (const [name, fn] of Object.entries(COMPOSED)) {
  onEachBackend(`products go through ${name}`, async () => {
    await assertNoLeak(async () => {
      using w = param(0.5, 0.9);
      const { value, tangent } = scope(() =>
        jvp(() => fn(w), { states: w })(tf.tensor1d([1, -3])) as unknown as {
          readonly value: tf.Tensor;
          readonly tangent: tf.Tensor;
        }
      );
      const at = async (step: number) => {
        scope(() => {
          w.value = tf.tensor1d([0.5 + step, 0.9 - 3 * step]);
        });
        return await take(scope(() => fn(w)));
      };
      const along = async (step: number) => {
        const above = await at(step), below = await at(-step);
        return above.map((y, i) => (y - below[i]!) / (2 * step));
      };
      // Two steps and Richardson's extrapolation: errors of the fourth order.
      const coarse = await along(1 / 64), fine = await along(1 / 128);
      const got = await take(tangent);
      assertEquals(got.length, fine.length);
      got.forEach((x, i) =>
        assertAlmostEquals(x, (4 * fine[i]! - coarse[i]!) / 3, 5e-4)
      );
      value.dispose();
    });
  }, { only: ["cpu", "wasm"] });
}

onEachBackend(
  "products go through dropout, whose mask they share",
  async () => {
    await assertNoLeak(async () => {
      const x = tf.ones([64]);
      using stream = new RandomState(1);
      const dropout = new Dropout({ rate: 0.5, random: stream });
      const { value, tangent } = environ.context(
        { fit: true },
        () => jvp((x: tf.Tensor) => dropout.call(x))(x, x),
      );
      const y = await take(value);
      assertEquals(new Set(y), new Set([0, 2]));
      assertEquals(await take(tangent), y);
      x.dispose();
    });
  },
  cpu,
);

onEachBackend(
  "jacobian() by columns is jacobian() by rows, and runs the function once",
  async () => {
    await assertNoLeak(async () => {
      using w = param(0.3, -0.4);
      const x = tf.tensor2d([[1, 2], [3, 4], [5, 6]]);
      let runs = 0;
      const fn = (x: tf.Tensor2D) => {
        runs++;
        return tf.tanh(tf.mul(x, w.value));
      };
      const made: number[][] = [];
      const modes = [{}, { mode: "reverse" }, { mode: "forward" }] as const;
      for (const mode of modes) {
        runs = 0;
        const [jw, jx] = jacobian(fn, { states: w, argnums: [0], ...mode })(
          x,
        ) as unknown as [tf.Tensor, [tf.Tensor]];
        assertEquals(jw.shape, [3, 2, 2]);
        assertEquals(jx[0].shape, [3, 2, 3, 2]);
        assertEquals(runs, 1);
        made.push([...await take(jw), ...await take(jx[0])]);
      }
      const [first, ...others] = made;
      for (const other of others) {
        first!.forEach((x, i) => assertAlmostEquals(other[i]!, x, 1e-6));
      }
      x.dispose();
    });
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend("jacobian() takes whichever is shorter by default", () => {
  scope(() => {
    /** How many numbers kernels make in a Jacobian. */
    const made = (
      fn: (x: tf.Tensor1D) => tf.Tensor,
      x: tf.Tensor1D,
      mode?: "reverse" | "forward",
    ) => {
      let count = 0;
      watchingKernels((run) => (...args) => {
        const result = run(...args);
        for (const y of [result].flat()) count += y.size;
        return result;
      }, () => jacobian(fn, mode ? { mode } : {})(x));
      return count;
    };
    const wide = (x: tf.Tensor1D) => tf.sum(tf.square(tf.tile(x, [40])));
    const broad = (x: tf.Tensor1D) => tf.mul(tf.square(x), tf.ones([40]));
    const one = tf.tensor1d([2]), many = tf.ones<tf.Rank.R1>([40]);
    assertEquals(made(broad, one), made(broad, one, "forward"));
    assert(made(broad, one) < made(broad, one, "reverse"));
    assertEquals(made(wide, many), made(wide, many, "reverse"));
    assert(made(wide, many) < made(wide, many, "forward"));
  });
}, cpu);

onEachBackend(
  "a Jacobian whose passes are large is computed in parts",
  async () => {
    await assertNoLeak(async () => {
      const x = tf.tensor1d([1, 2, 3, 4, 5]);
      // About 2^22.3 numbers: three rows or columns at once.
      const fn = (x: tf.Tensor1D) => {
        const large = tf.tile(tf.reshape(x, [5, 1]), [1, 2 ** 19]);
        return tf.mul(x, tf.mean(tf.square(large)));
      };
      for (const mode of ["reverse", "forward"] as const) {
        const j = await take(jacobian(fn, { mode })(x));
        // δ m + x_i 2 x_j / 5 with m the mean of squares
        j.forEach((value, at) => {
          const i = Math.floor(at / 5), k = at % 5;
          const want = (i === k ? 11 : 0) + (i + 1) * 2 * (k + 1) / 5;
          assertAlmostEquals(value, want, 1e-2);
        });
      }
      const none = jacobian((x: tf.Tensor1D) => tf.slice(x, 0, 0))(x);
      assertEquals(none.shape, [0, 5]);
      const empty = tf.tensor1d([]);
      const flat = jacobian((_: tf.Tensor1D) => tf.ones([2]))(empty);
      assertEquals(flat.shape, [2, 0]);
      tf.dispose([x, none, empty, flat]);
    });
  },
  { only: ["wasm"] },
);

onEachBackend("a product that cannot be is refused before it is run", () => {
  scope(() => {
    using w = param(1, 2);
    const x = tf.tensor1d([1, 2]);
    let runs = 0;
    const fn = (x: tf.Tensor1D) => {
      runs++;
      return tf.mul<tf.Tensor1D>(x, w.value);
    };
    const of = (options: object) =>
      jvp(fn, options) as unknown as (
        tangents: unknown,
        x: unknown,
      ) => { readonly tangent: tf.Tensor };
    const wrong: [object, unknown, string][] = [
      [{}, tf.zeros([3]), "tangents must be of shape [2]"],
      [{}, 3, "tangents must be a tensor: current value is 3"],
      [{}, tf.zeros([2], "int32"), "tangents must be of float32"],
      [{ argnums: [0] }, x, "tangents must be a list of 1"],
      [{ argnums: [0] }, [1], "tangents[0] must be a tensor"],
      [{ states: w }, tf.zeros([1]), "tangents must be of shape [2]"],
      [{ states: { w } }, {}, "tangents.w must be a tensor"],
      [{ states: { w } }, [x], "of the structure of the states"],
      [{ states: { w } }, { w: x, v: x }, 'there is no state "v"'],
      [
        { states: { w, again: w } },
        { w: x, again: tf.clone(x) },
        "tangents.again must be the tensor that the same state has before",
      ],
      [{ states: w, argnums: 0 }, x, "tangents must be a list of 2"],
      [{ states: w, argnums: 0 }, [x, 1], "tangents[1] must be a tensor"],
    ];
    for (const [options, tangents, message] of wrong) {
      const error = assertThrows(() => of(options)(tangents, x), Error);
      assert(error.message.startsWith("Cannot push forward: "));
      assert(error.message.includes(message), error.message);
    }
    assertEquals(runs, 0);
    assertThrows(
      () => of({ states: w, checkStates: true, mode: 1 }),
      TypeError,
      'there is no option "mode"',
    );
    assertThrows(
      () => jvp(() => x, { states: w })(x),
      Error,
      "must read every state",
    );
    const free = jvp(() => x, { states: w, checkStates: false })(x);
    assertEquals([...free.tangent.dataSync()], [0, 0]);
    assertThrows(
      () => jacobian(fn, { mode: "sideways" as "forward" }),
      RangeError,
      "mode must be one of",
    );
  });
}, cpu);

onEachBackend("a function that throws leaves states as they were", () => {
  using w = param(1, 2);
  const v = tf.tensor1d([1, 2]);
  const before = tf.memory().numTensors;
  assertThrows(
    () =>
      jvp(() => {
        w.value = tf.mul(w.value, 2);
        throw new Error("no");
      }, { states: w })(v),
    Error,
    "no",
  );
  assertEquals(tf.memory().numTensors, before);
  assertEquals([...w.value.dataSync()], [1, 2]);
  v.dispose();
}, cpu);
