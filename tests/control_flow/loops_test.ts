/** Loops against the same loops in JavaScript, closed forms and central differences. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import {
  autodiff,
  compile,
  cond,
  forLoop,
  HiddenState,
  nn,
  ParamState,
  random,
  scan,
  scope,
  State,
  tf,
  whileLoop,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const LENGTHS = [1, 2, 7, 40];

/** A recurrent cell, its parameters and inputs; the same each time. */
function setUp(length: number) {
  random.seed(7);
  const cell = new nn.GRUCell(3, 4);
  cell.initState(2);
  const states = cell.states(ParamState);
  const xs: tf.Tensor3D = random.normal([length, 2, 3]);
  return { cell, states, xs };
}

/** The items of `xs`, one call for each, and what the calls return stacked. */
function plainLoop<T extends tf.Tensor>(
  fn: (x: tf.Tensor2D) => T,
  xs: tf.Tensor3D,
) {
  return scope(() => tf.stack(tf.unstack(xs).map((x) => fn(x as tf.Tensor2D))));
}

onEachBackend("forLoop() has the bits of a loop in JavaScript", async () => {
  for (const length of LENGTHS) {
    const a = setUp(length), b = setUp(length);
    const expected = plainLoop((x) => a.cell.call(x), a.xs);
    const actual = forLoop((x) => b.cell.call(x), b.xs);
    assertEquals(actual.shape, [length, 2, 4]);
    assertEquals(await numbers(actual), await numbers(expected));
    const [h1, h2] = [a, b].map(({ cell }) =>
      Object.values(cell.states(HiddenState))
    );
    for (const [i, state] of h1!.entries()) {
      assertEquals(await numbers(state.value), await numbers(h2![i]!.value));
    }
  }
});

onEachBackend(
  "forLoop() stacks nests, in the order of the items in reverse too",
  async () => {
    const sum = scope(() => new State(tf.scalar(0)));
    const xs = {
      a: tf.tensor1d([1, 2, 3]),
      b: [tf.tensor1d([10, 20, 30], "int32")],
    };
    const ys = forLoop(
      ({ a, b }) => {
        sum.value = tf.add(sum.value, a);
        return [sum.value, { twice: tf.add(b[0]!, b[0]!) }, a] as const;
      },
      xs,
      { reverse: true },
    );
    assertEquals(await numbers(ys[0]), [6, 5, 3]);
    assertEquals(await numbers(ys[1].twice), [20, 40, 60]);
    assertEquals(ys[1].twice.dtype, "int32");
    assertEquals(await numbers(ys[2]), [1, 2, 3]);
  },
);

onEachBackend("forLoop() runs without inputs and without outputs", async () => {
  const sum = scope(() => new State(tf.scalar(0)));
  const result = forLoop(
    () => {
      sum.value = tf.add(sum.value, 2);
    },
    undefined,
    { length: 50 },
  );
  assertEquals(result, undefined);
  assertEquals(await numbers(sum.value), [100]);
});

onEachBackend("scan() is the recurrence that it computes", async () => {
  const xs = tf.tensor1d([3, 1, 4, 1, 5]);
  const [last, sums] = scan(
    (sum: tf.Tensor, x) => [tf.add(sum, x), sum],
    tf.scalar(0),
    xs,
  );
  assertEquals(await numbers(last), [14]);
  assertEquals(await numbers(sums), [0, 3, 4, 8, 9]);
  const [same, none] = scan((carry: tf.Tensor) => [carry, undefined], xs, xs);
  assertEquals(await numbers(same), [3, 1, 4, 1, 5]);
  assertEquals(none, undefined);
});

onEachBackend(
  "gradients in states and arguments have the bits of a loop in JavaScript",
  async () => {
    for (const length of [1, 7]) {
      const results: number[][] = [];
      for (const isPlain of [true, false]) {
        const { cell, states, xs } = setUp(length);
        const loss = (xs: tf.Tensor3D) => {
          const step = (x: tf.Tensor2D) => cell.call(x);
          const ys = isPlain ? plainLoop(step, xs) : forLoop(step, xs);
          return tf.mean<tf.Scalar>(tf.square(ys));
        };
        const [grads, gradXs] = autodiff.grad(loss, { states, argnums: 0 })(xs);
        const all = [...Object.values(grads), gradXs];
        results.push((await Promise.all(all.map(numbers))).flat());
      }
      assertEquals(results[1], results[0]);
    }
  },
);

onEachBackend(
  "the gradient of a product through scan() is its closed form",
  async () => {
    const product = (x: tf.Tensor, xs: tf.Tensor1D) =>
      scan(
        (p: tf.Tensor, x) => [tf.mul(p, x), undefined],
        x,
        xs,
      )[0] as tf.Scalar;
    const gradient = autodiff.grad(product, { argnums: [0, 1] });
    const [first, rest] = gradient(tf.scalar(2), tf.tensor1d([3, 5, 7]));
    assertEquals(await numbers(first), [105]);
    assertEquals(await numbers(rest), [70, 42, 30]);
  },
);

onEachBackend("gradients through scan() are central differences", async () => {
  const at = [0.3, -0.5, 0.8];
  const f = (xs: tf.Tensor1D) =>
    scan(
      (c: tf.Tensor, x) => {
        const next = tf.sin(tf.add(tf.mul(c, x), x));
        return [next, tf.square(next)];
      },
      tf.scalar(0.4),
      xs,
    );
  const loss = (xs: tf.Tensor1D) => {
    const [last, ys] = f(xs);
    return tf.add(last, tf.sum(ys)) as tf.Scalar;
  };
  const actual = await numbers(autodiff.grad(loss)(tf.tensor1d(at)));
  for (let i = 0; i < at.length; i++) {
    const [up, down] = await Promise.all([1e-2, -1e-2].map(async (h) => {
      const [x] = await numbers(
        loss(tf.tensor1d(at.map((x, j) => i === j ? x + h : x))),
      );
      return x!;
    }));
    assertAlmostEquals(actual[i]!, (up! - down!) / 2e-2, 1e-3);
  }
});

onEachBackend("a long loop leaves no tensor behind", async (backend) => {
  const length = backend === "webgpu" ? 50 : 1000;
  await assertNoLeak(() => {
    const { cell, xs } = setUp(length);
    const before = tf.memory().numTensors;
    for (const compile of [false, true]) {
      const ys = forLoop((x) => cell.call(x), xs, { compile });
      assertEquals(tf.memory().numTensors, before + 1);
      ys.dispose();
    }
    xs.dispose();
    for (const state of Object.values(cell.states(State))) state.dispose();
  });
});

onEachBackend(
  "what a loop returns is freed by the scope around it, gradients too",
  async () => {
    const xs = tf.ones([30]) as tf.Tensor1D,
      w = scope(() => new ParamState(tf.scalar(2)));
    for (const recompute of [false, true]) {
      const power = (xs: tf.Tensor1D, x: tf.Scalar) =>
        scan(
          (c, x) => {
            const next = tf.mul(tf.mul(c, x), w.value);
            return [next, [next, c]];
          },
          x,
          xs,
          { recompute },
        );
      const gradient = autodiff.grad(
        (xs: tf.Tensor1D, x: tf.Scalar) => power(xs, x)[0],
        {
          states: { w },
          argnums: [0, 1],
        },
      );
      await assertNoLeak(() => {
        scope(() => {
          const x = tf.scalar(1);
          power(xs, x);
          let count = 0;
          whileLoop(() => ++count < 5, (x) => tf.add(x, x), x);
          cond(true, (x) => x, (x) => tf.neg(x), x);
          const [grads, ofArgs] = gradient(xs, x);
          assertEquals([ofArgs[0].shape, ofArgs[1].shape, grads.w.shape], [
            [30],
            [],
            [],
          ]);
        });
      });
      await assertNoLeak(() => {
        const x = tf.scalar(1);
        tf.dispose([gradient(xs, x), power(xs, x), x] as tf.TensorContainer);
      });
    }
  },
);

onEachBackend("an iteration that throws leaves no tensor behind", async () => {
  const xs = tf.ones([30, 2]);
  await assertNoLeak(() => {
    let count = 0;
    const fail = (c: tf.Tensor, x: tf.Tensor): [tf.Tensor, tf.Tensor] => {
      if (++count === 3) throw new Error("stop");
      return [tf.add(c, x), tf.mul(c, x)];
    };
    scope(() => {
      assertThrows(() => scan(fail, tf.zeros([2]), xs), Error, "stop");
    });
    count = 0;
    scope(() => {
      const loss = (xs: tf.Tensor) =>
        tf.sum(scan(fail, tf.zeros([2]), xs)[1]) as tf.Scalar;
      assertThrows(() => autodiff.grad(loss)(xs), Error, "stop");
    });
  });
});

onEachBackend(
  "10,000 iterations, compiled or not, have equal bits and flat memory",
  async () => {
    const results: number[][] = [];
    for (const compile of [false, true]) {
      random.seed(11);
      const w = scope(() => new ParamState(random.normal([4, 4])));
      const h = scope(() => new HiddenState(tf.zeros([2, 4])));
      const tensors: number[] = [], bytes: number[] = [];
      const step = (sum: tf.Tensor): [tf.Tensor, undefined] => {
        tensors.push(tf.memory().numTensors);
        bytes.push(tf.memory().numBytes);
        const noise = random.normal([2, 4]);
        const now = tf.matMul(h.value as tf.Tensor2D, w.value as tf.Tensor2D);
        h.value = tf.tanh(tf.add(now, noise));
        return [tf.add(sum, tf.mean(h.value)), undefined];
      };
      const options = { length: 10_000, compile };
      const [sum] = scope(() => scan(step, tf.scalar(0), undefined, options));
      results.push([...await numbers(sum), ...await numbers(h.value)]);
      // While it is recorded, arguments are copies.
      assert(Math.max(...tensors) - Math.min(...tensors) <= 4);
      assert(Math.max(...bytes) - Math.min(...bytes) <= 256);
      const isReplayed = compile && tf.getBackend() === "wasm";
      assertEquals(tensors.length < 100, isReplayed);
      if (isReplayed) assert(tensors.length >= 6);
    }
    assertEquals(results[1], results[0]);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "a loop of JavaScript numbers that change is not replayed",
  async () => {
    let factor = 0;
    const ys = forLoop((x) => tf.mul(x, ++factor), tf.ones([40]));
    assertEquals(
      await numbers(ys),
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  },
);

onEachBackend("a long loop that returns a state's value is replayed", () => {
  const h = scope(() => new HiddenState(tf.zeros([2, 4])));
  let calls = 0;
  const step = (x: tf.Tensor) => {
    calls++;
    return h.value = tf.tanh(tf.add(h.value, x));
  };
  const hs = forLoop(() => (step(tf.ones([])), h.value), undefined, {
    length: 500,
  });
  assertEquals(hs.shape, [500, 2, 4]);
  assert(calls < 15, `${calls} calls`); // 4, 2 that are recorded, 3 that are compared
}, { only: ["wasm", "webgpu"] });

onEachBackend(
  "a body that is compiled already keeps its program from loop to loop",
  async () => {
    const h = scope(() => new HiddenState(tf.zeros([2])));
    using body = compile((x: tf.Tensor1D) => h.value = tf.add(h.value, x));
    const xs = tf.ones([10, 2]) as tf.Tensor2D;
    for (const last of [10, 20, 30]) {
      const hs = forLoop(body, xs, { compile: false });
      assertEquals((await numbers(hs)).slice(-2), [last, last]);
      hs.dispose();
    }
    const { replayed, eager } = body.report();
    assert(replayed >= 20, `${replayed} and ${eager}`);
  },
  { only: ["wasm"] },
);

const pair = () => tf.ones([3, 2]), three = () => tf.ones([3]);

/** Loops that cannot be run, and what they are told. */
const FAULTY: [
  string,
  () => unknown,
  typeof TypeError | typeof RangeError,
  string,
][] = [
  [
    "a function that is none",
    () => forLoop(3 as never, pair()),
    TypeError,
    "Cannot run forLoop: the function must be a function: current value is 3",
  ],
  [
    "an unknown option",
    () => forLoop((x) => x, pair(), { reversed: true } as never),
    TypeError,
    'there is no option "reversed": did you mean "reverse"?',
  ],
  [
    "a length that is no integer",
    () => forLoop((x) => x, undefined, { length: 1.5 }),
    RangeError,
    "length must be a positive integer: current value is 1.5",
  ],
  [
    "neither inputs nor a length",
    () => forLoop((x) => x, undefined),
    TypeError,
    "Cannot run forLoop: xs must contain a tensor, or the option length be given",
  ],
  [
    "inputs of different lengths",
    () => forLoop((x) => x, { a: pair(), b: tf.ones([4]) }),
    RangeError,
    "Cannot run forLoop: xs.b must be of length 3, as the others: current value is a tensor of float32 with shape [4]",
  ],
  [
    "another length than that of the inputs",
    () => scan((c) => [c, c], pair(), pair(), { length: 4 }),
    RangeError,
    "Cannot run scan: xs must be of length 4",
  ],
  [
    "a scalar input",
    () => forLoop((x) => x, [tf.scalar(1)]),
    RangeError,
    "xs[0] must be a tensor with a first axis",
  ],
  [
    "inputs of length 0",
    () => forLoop((x) => x, tf.zeros([0, 2])),
    RangeError,
    "Cannot run forLoop: the length of xs must be at least 1: current value is 0",
  ],
  [
    "inputs that are numbers",
    () => forLoop((x) => x, [1, 2] as never),
    TypeError,
    "Cannot run forLoop: xs[0] must be a tensor, or lists and plain records of tensors: current value is 1",
  ],
  [
    "a disposed input",
    () => {
      const x = tf.ones([2]);
      x.dispose();
      return forLoop((x) => x, x);
    },
    TypeError,
    "xs must be a tensor that has not been disposed",
  ],
  [
    "an async body",
    () => forLoop((async (x: tf.Tensor) => await x) as never, pair()),
    TypeError,
    "Cannot run forLoop: the output must be a nest of tensors, not a promise",
  ],
  [
    "an async body of scan",
    () => scan((async (c: tf.Tensor) => await [c, c]) as never, pair(), pair()),
    TypeError,
    "Cannot run scan: the result must be [carry, output], not a promise",
  ],
  [
    "an output that is a number",
    () => forLoop(() => 1 as never, pair()),
    TypeError,
    "Cannot run forLoop: the output must be a tensor, or lists and plain records of tensors: current value is 1",
  ],
  [
    "a result that is no pair",
    () => scan(((c: tf.Tensor) => c) as never, pair(), pair()),
    TypeError,
    "Cannot run scan: the result must be [carry, output]: current value is a tensor",
  ],
  [
    "a carry of another form",
    () => scan((c) => [{ c } as never, undefined], pair(), pair()),
    TypeError,
    "Cannot run scan: the carry must keep its form tensor: current form is {c: tensor}",
  ],
  [
    "a carry of another shape",
    () =>
      scan(
        ({ c }) => [{ c: tf.tile(c, [2]) }, undefined],
        { c: three() },
        pair(),
      ),
    RangeError,
    "Cannot run scan: the carry.c must be a tensor of float32 with shape [3], as before: current value is a tensor of float32 with shape [6]",
  ],
  [
    "a carry of another dtype",
    () => scan((c) => [tf.cast(c, "int32"), undefined], three(), pair()),
    TypeError,
    "Cannot run scan: the carry must be a tensor of float32 with shape [3], as before: current value is a tensor of int32 with shape [3]",
  ],
  [
    "outputs of different shapes",
    () => {
      let n = 0;
      return forLoop(() => tf.ones([++n]), pair());
    },
    RangeError,
    "Cannot run forLoop: the output must be a tensor of float32 with shape [1], as before: current value is a tensor of float32 with shape [2]",
  ],
  [
    "outputs of different forms",
    () => {
      let n = 0;
      return forLoop((x) => ++n === 2 ? undefined : x, pair());
    },
    TypeError,
    "Cannot run forLoop: the output must keep its form tensor: current form is nothing",
  ],
];

for (const [name, fn, error, message] of FAULTY) {
  onEachBackend(`a loop is refused with ${name}`, async () => {
    await assertNoLeak(() => {
      scope(() => {
        assertThrows(fn, error, message);
      });
    });
  }, { only: ["cpu"] });
}
