/** Gradients of loops that run their iterations again, against those that keep everything. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import {
  autodiff,
  compile,
  environ,
  forLoop,
  HiddenState,
  nn,
  optim,
  ParamState,
  random,
  scan,
  scope,
  State,
  tf,
  train,
  whileLoop,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

/** Assert that numbers are equal but for rounding. */
function assertClose(actual: readonly number[], expected: readonly number[]) {
  assertEquals(actual.length, expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  actual.forEach((x, i) => assertAlmostEquals(x, expected[i]!, 2e-6 * size));
}

/** A recurrent model with dropout, its gradients and its states afterwards. */
async function gradientsOf(
  length: number,
  options: { recompute: boolean; reverse: boolean },
) {
  random.seed(7);
  const cell = new nn.GRUCell(3, 4), dropout = new nn.Dropout({ rate: 0.3 });
  cell.initState(2);
  const states = cell.states(ParamState);
  const xs = random.normal([length, 2, 3]) as tf.Tensor3D;
  const scale = tf.tensor1d([1, 2, 3, 4]);
  const loss = (xs: tf.Tensor3D, scale: tf.Tensor1D) => {
    const ys = forLoop(
      (x) => {
        const h = dropout.call(cell.call(x));
        return { h, scaled: tf.mul(h, scale) };
      },
      xs,
      options,
    );
    return tf.add(tf.mean(tf.square(ys.h)), tf.sum(ys.scaled)) as tf.Scalar;
  };
  const gradient = autodiff.grad(loss, {
    states,
    argnums: [0, 1],
    returnValue: true,
  });
  const [[grads, ofArgs], value] = environ.context(
    { fit: true },
    () => gradient(xs, scale),
  );
  const after = Object.values(cell.states(HiddenState)).map((state) =>
    state.value
  );
  const all = await Promise.all(
    [...Object.values(grads), ...ofArgs].map(numbers),
  );
  return {
    exact: (await Promise.all([value, ...after].map(numbers))).flat(),
    offset: random.default.value.offset,
    gradients: all.flat(),
  };
}

onEachBackend(
  "recompute has the values, states and gradients of the plain loop",
  async () => {
    for (const length of [1, 2, 9]) {
      for (const reverse of [false, true]) {
        const plain = await gradientsOf(length, { recompute: false, reverse });
        const again = await gradientsOf(length, { recompute: true, reverse });
        assertEquals(again.exact, plain.exact);
        assertEquals(again.offset, plain.offset);
        assertClose(again.gradients, plain.gradients);
      }
    }
  },
);

onEachBackend(
  "gradients flow to what is carried, looped over and captured",
  async () => {
    const power = (x: tf.Scalar, xs: tf.Tensor1D, w: tf.Scalar) =>
      scan((p, x) => [tf.mul(tf.mul(p, x), w), undefined], x, xs, {
        recompute: true,
      })[0];
    const gradient = autodiff.grad(power, { argnums: [0, 1, 2] });
    const [x, xs, w] = gradient(
      tf.scalar(2),
      tf.tensor1d([3, 5, 7]),
      tf.scalar(2),
    );
    // 2 * 3 * 5 * 7 * w^3
    assertEquals(await numbers(x), [105 * 8]);
    assertEquals(await numbers(xs), [70 * 8, 42 * 8, 30 * 8]);
    assertEquals(await numbers(w), [210 * 3 * 4]);
  },
);

onEachBackend(
  "a tensor that is both the beginning and captured has both gradients",
  async () => {
    // x (1 + x)^2
    const loss = (x: tf.Scalar) =>
      scan((c) => [tf.add(c, tf.mul(c, x)), undefined], x, undefined, {
        length: 2,
        recompute: true,
      })[0];
    assertEquals(await numbers(autodiff.grad(loss)(tf.scalar(3))), [
      16 + 2 * 3 * 4,
    ]);
  },
);

onEachBackend(
  "a state that is written and one that is only read have their gradients",
  async () => {
    const w = scope(() => new State(tf.scalar(3))),
      h = scope(() => new State(tf.scalar(2)));
    const idle = scope(() => new State(tf.scalar(5))), count = new State(0);
    const loss = () => {
      h.value = tf.mul(h.value, 10);
      forLoop(
        () => {
          count.value++;
          h.value = tf.mul(h.value, w.value);
          if (count.value === 2) h.value = tf.mul(h.value, idle.value);
        },
        undefined,
        { length: 4, recompute: true },
      );
      return tf.mul(h.value, 7) as tf.Scalar;
    };
    const grads = autodiff.grad(loss, { states: { w, h, idle } })();
    // 70 h w^4 idle
    assertEquals(await numbers(grads.w), [70 * 2 * 4 * 27 * 5]);
    assertEquals(await numbers(grads.h), [70 * 81 * 5]);
    assertEquals(await numbers(grads.idle), [70 * 2 * 81]);
    assertEquals(count.value, 4);
    assertEquals(await numbers(h.value), [20 * 81 * 5]);
  },
);

onEachBackend("integers may be carried along", async () => {
  const loss = (x: tf.Tensor) =>
    scan(
      (
        { i, x },
      ) => [{
        i: tf.add(i, tf.scalar(1, "int32")),
        x: tf.mul(x, tf.cast(i, "float32")),
      }, i],
      {
        i: tf.scalar(1, "int32"),
        x,
      },
      undefined,
      { length: 4, recompute: true },
    )[0].x as tf.Scalar;
  assertEquals(await numbers(autodiff.grad(loss)(tf.scalar(2))), [24]);
});

onEachBackend("loops inside of loops may both recompute", async () => {
  const results: number[][] = [];
  for (const recompute of [false, true]) {
    const loss = (x: tf.Tensor1D, w: tf.Scalar) => {
      const outer = scan(
        (sum, x) => {
          const scale = tf.mul(x, w); // the inner body captures it
          const inner = scan(
            (c) => [tf.sin(tf.mul(c, scale)), undefined],
            tf.scalar(0.5),
            undefined,
            { length: 3, recompute },
          );
          return [tf.add(sum, inner[0]), undefined];
        },
        tf.scalar(0),
        x,
        { recompute },
      );
      return outer[0];
    };
    const [x, w] = autodiff.grad(loss, { argnums: [0, 1] })(
      tf.tensor1d([1, 2, 3]),
      tf.scalar(0.7),
    );
    results.push([...await numbers(x), ...await numbers(w)]);
  }
  assertClose(results[1]!, results[0]!);
});

onEachBackend(
  "the inner of two loops may capture what the outer frees",
  async () => {
    const results: number[][] = [];
    for (const recompute of [false, true]) {
      const loss = (x: tf.Tensor1D) =>
        tf.sum(forLoop((x) => {
          const scale = tf.mul(x, x);
          return scan(
            (c) => [tf.sin(tf.mul(c, scale)), undefined],
            tf.scalar(0.5),
            undefined,
            {
              length: 3,
              recompute,
            },
          )[0];
        }, x)) as tf.Scalar;
      results.push(await numbers(autodiff.grad(loss)(tf.tensor1d([1, 2, 3]))));
    }
    assertClose(results[1]!, results[0]!);
  },
);

onEachBackend("a gradient inside of the body is right", async () => {
  const loss = (x: tf.Scalar) =>
    scan(
      (c) => {
        const slope = autodiff.grad((c: tf.Tensor) =>
          tf.mul(tf.square(c), c) as tf.Scalar
        )(c);
        return [slope as tf.Tensor, undefined];
      },
      x,
      undefined,
      { length: 2, recompute: true },
    )[0];
  // 3 (3 x^2)^2 = 27 x^4
  assertEquals(await numbers(autodiff.grad(loss)(tf.scalar(2))), [27 * 4 * 8]);
});

onEachBackend("second derivatives are those of the plain loop", async () => {
  const cube = (x: tf.Scalar) =>
    scan((c) => [tf.mul(c, x), undefined], x, undefined, {
      length: 2,
      recompute: true,
    })[0];
  const second = autodiff.grad((x: tf.Scalar) =>
    autodiff.grad(cube)(x) as tf.Scalar
  );
  assertEquals(await numbers(second(tf.scalar(2))), [12]);
  assertEquals(
    await numbers(autodiff.hessian(cube)(tf.scalar(2)) as tf.Tensor),
    [12],
  );
});

onEachBackend("the gradient of a whileLoop() recomputes", async () => {
  const w = scope(() => new State(tf.scalar(2)));
  const loss = (x: tf.Scalar) =>
    whileLoop((x) => tf.less(x, 50), (x) => tf.mul(x, w.value), x, {
      recompute: true,
    });
  const gradient = autodiff.grad(loss, {
    states: { w },
    argnums: 0,
    checkStates: false,
  });
  for (const [x, dw, dx] of [[3, 15 * 16, 32], [60, 0, 1]] as const) {
    const [grads, gradX] = gradient(tf.scalar(x));
    assertEquals([await numbers(grads.w), await numbers(gradX)], [[dw], [dx]]);
  }
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "recompute keeps what an iteration begins with, and no more",
  () => {
    const length = 50, bytes: number[] = [];
    random.seed(2);
    const w = scope(() => new ParamState(random.normal([16, 16])));
    const xs = random.normal([length, 8, 16]) as tf.Tensor3D;
    for (const recompute of [false, true]) {
      let before = 0;
      const loss = () => {
        const [last] = scan(
          (h, x) => {
            before ||= tf.memory().numBytes;
            let y = tf.add(h, x);
            for (let i = 0; i < 6; i++) {
              y = tf.tanh(
                tf.matMul(y, w.value as tf.Tensor2D),
              );
            }
            return [y, undefined];
          },
          tf.zeros([8, 16]),
          xs,
          { recompute },
        );
        bytes.push((tf.memory().numBytes - before) / (length * 8 * 16 * 4));
        return tf.mean(last) as tf.Scalar;
      };
      tf.dispose(autodiff.grad(loss, { states: { w } })());
    }
    assert(bytes[0]! > 7, `${bytes}`);
    assert(bytes[1]! < 2.1, `${bytes}`); // the item and the carry of each
  },
);

onEachBackend(
  "recompute leaves no tensor behind, and takes back the writes of a loop that throws",
  async () => {
    await assertNoLeak(() => {
      const h = scope(() => new State(tf.ones([2]))), xs = tf.ones([30, 2]);
      for (const last of [Infinity, 3, 33]) {
        let calls = 0;
        const loss = (xs: tf.Tensor) =>
          tf.sum(forLoop(
            (x) => {
              if (++calls === last) throw new Error("stop");
              return h.value = tf.mul(h.value, x);
            },
            xs,
            { recompute: true },
          )) as tf.Scalar;
        const gradient = autodiff.grad(loss);
        if (last === Infinity) gradient(xs).dispose();
        else {
          const before = h.value;
          assertThrows(() => gradient(xs), Error, "stop");
          assert(h.value === before);
        }
      }
      tf.dispose(xs);
      h.dispose();
    });
  },
);

onEachBackend(
  "a state that the body creates for later iterations is refused",
  () => {
    const made: State[] = [];
    const loss = (x: tf.Scalar) =>
      scan(
        (c) => {
          made[0] ??= new State(tf.scalar(1), { name: "memory" });
          return [tf.mul(c, made[0].value), undefined];
        },
        x,
        undefined,
        { length: 2, recompute: true },
      )[0];
    assertThrows(
      () => autodiff.grad(loss)(tf.scalar(2)),
      Error,
      "Cannot run a loop with recompute: the body must create no states that other iterations use: it created memory; create it before the loop",
    );
  },
);

onEachBackend(
  "a state that was disposed after the loop still has its part in the gradient",
  async () => {
    const w = scope(() => new ParamState(tf.tensor1d([0.5, 0.7])));
    const results: number[][] = [];
    for (const recompute of [false, true]) {
      const last = (x: tf.Tensor1D) => {
        const h = scope(() => new HiddenState(x));
        forLoop(
          () => {
            h.value = tf.mul(h.value, w.value) as tf.Tensor1D;
          },
          undefined,
          { length: 3, recompute },
        );
        const result = tf.clone(h.value);
        h.dispose();
        return result;
      };
      const x = tf.tensor1d([1, 2]), dy = tf.tensor1d([1, 10]);
      using product = autodiff.vjp(last, { states: { w }, argnums: 0 })(x);
      const [grads, gradX] = product.pullback(dy);
      results.push([
        ...await numbers(grads.w),
        ...await numbers(gradX),
        ...await numbers(autodiff.jacobian(last)(x) as tf.Tensor),
      ]);
    }
    assertClose(results[1]!, results[0]!);
    const [w0, w1, x0, x1] = results[1]!;
    // x w^3
    assertClose([w0!, w1!, x0!, x1!], [0.75, 20 * 3 * 0.49, 0.125, 3.43]);
  },
);

onEachBackend(
  "a state that takes the place of another after the loop is refused",
  () => {
    let h: HiddenState;
    const run = (x: tf.Scalar) => {
      h = scope(() => new HiddenState(tf.scalar(1), { name: "memory" }));
      return forLoop(() => h.value = tf.mul(h.value, x), undefined, {
        length: 2,
        recompute: true,
      });
    };
    const loss = (x: tf.Scalar) => tf.sum(tf.add(run(x), run(x))) as tf.Scalar;
    assertThrows(
      () => autodiff.grad(loss)(tf.scalar(2)),
      Error,
      "the body must read the same states when it is run again for the gradient: it reads memory, which was created in it or after it",
    );
  },
);

onEachBackend(
  "a compiled training step with such a loop has the bits of the plain step",
  () => {
    const results = [false, true].map((isCompiled) => {
      random.seed(3);
      const cell = new nn.GRUCell(3, 4);
      cell.initState(2);
      const optimizer = new optim.Adam({ lr: 0.01 })
        .registerTrainableWeights(cell.states(ParamState));
      const plain = train.step((xs: tf.Tensor3D) => {
        for (const state of Object.values(cell.states(HiddenState))) {
          state.value = tf.zerosLike(state.value);
        }
        const ys = forLoop((x) => cell.call(x), xs, { recompute: true });
        return tf.mean(tf.square(ys)) as tf.Scalar;
      }, optimizer);
      const compiled = compile(plain, { onFallback: "throw" });
      const step = isCompiled ? compiled : plain;
      const losses = Array.from({ length: 10 }, (_, i) => {
        const source = { random: new random.RandomState(i) };
        const xs = random.normal([5, 2, 3], source) as tf.Tensor3D;
        return step(xs).dataSync()[0]!;
      });
      if (isCompiled) assertEquals(compiled.report().replayed, 8);
      return losses;
    });
    assertEquals(results[1], results[0]);
  },
  { only: ["wasm"] },
);
