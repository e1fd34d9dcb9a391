import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { inverse } from "../../optim/minimize/vectors.ts";
import * as nn from "../../nn/mod.ts";
import { RandomState } from "../../random.ts";
import { ParamState, State } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import golden from "../golden/minimize.json" with { type: "json" };

type Options = Record<string, unknown>;

const GRADIENTS = ["l-bfgs", "l-bfgs-b", "bfgs", "newton-cg"] as const;
const SEARCHES = [
  "cma-es",
  "differential-evolution",
  "particle-swarm",
  "one-plus-one-es",
  "random-search",
] as const;

/** Rosenbrock's function. */
function rosenbrock(x: tf.Tensor1D): tf.Tensor {
  const n = x.shape[0] - 1;
  const a = tf.slice(x, 0, n), b = tf.slice(x, 1, n);
  const valley = tf.square(tf.sub(b, tf.square(a)));
  return tf.sum(tf.add(tf.mul(100, valley), tf.square(tf.sub(1, a))));
}

/** The sum of `c (x - goal)²`, and 3; goals are from -1 on, c from 1 on. */
function bowl(x: tf.Tensor): tf.Tensor {
  const { size, shape } = x, last = Math.max(1, size - 1);
  const between = (low: number, high: number) =>
    tf.tensor(
      Array.from({ length: size }, (_, i) => low + (high - low) * i / last),
      shape,
    );
  const far = tf.squaredDifference(x, between(-1, 1));
  return tf.add(3, tf.sum(tf.mul(between(1, 9), far)));
}

/** What `minimize` finds from a vector, as numbers. */
async function found(
  fn: (x: tf.Tensor1D) => tf.Tensor,
  start: readonly number[],
  options: optim.MinimizeOptions<tf.Tensor1D> = {},
) {
  const x0 = tf.tensor1d([...start]);
  const { x, gradient, ...rest } = await optim.minimize(fn, x0, options);
  const result = {
    ...rest,
    x: await numbers(x),
    gradient: gradient && await numbers(gradient as tf.Tensor),
  };
  tf.dispose([x0, x, gradient as tf.Tensor]);
  return result;
}

const VALLEY = [-1.2, 1];

onEachBackend(
  "every method with gradients goes down Rosenbrock's valley",
  async () => {
    for (const method of GRADIENTS) {
      await assertNoLeak(async () => {
        const { x, value, gradient, success, message, ...counts } = await found(
          rosenbrock,
          VALLEY,
          { method },
        );
        assert(success, message);
        assert(value < 1e-9, `${method}: ${value}`);
        x.forEach((x) => assertAlmostEquals(x, 1, 1e-4, method));
        gradient!.forEach((g) => assertAlmostEquals(g, 0, 1e-2, method));
        assertEquals(counts.nGradients, counts.nEvaluations);
        assertEquals(counts.nHessianProducts > 0, method === "newton-cg");
        assert(counts.nEvaluations < 130, `${method}: ${counts.nEvaluations}`);
      });
    }
  },
);

onEachBackend(
  "ten variables need about as many evaluations as scipy's methods",
  async () => {
    const start = [-1.2, 1, -1.2, 1, -1.2, 1, -1.2, 1, -1.2, 1];
    for (const method of ["l-bfgs-b", "newton-cg"] as const) {
      const { value, nEvaluations } = await found(rosenbrock, start, {
        method,
      });
      const theirs = golden.gradients[method].nEvaluations;
      assert(value < 1e-8, `${method}: ${value}`);
      assert(nEvaluations < 1.5 * theirs, `${nEvaluations}, scipy ${theirs}`);
    }
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "l-bfgs-b finds the points on bounds that scipy finds",
  async () => {
    for (const { x0, bounds, x, value } of golden.bounded) {
      const pair = [
        tf.tensor1d(bounds.map(([low]) => low ?? -Infinity)),
        tf.tensor1d(bounds.map(([, high]) => high ?? Infinity)),
      ] as const;
      const result = await found(rosenbrock, x0, { bounds: pair });
      assert(result.success, result.message);
      assertAlmostEquals(result.value, value, 2e-6 * Math.max(1, value));
      result.x.forEach((a, i) => assertAlmostEquals(a, x[i]!, 5e-5));
      tf.dispose([...pair]);
    }
  },
);

onEachBackend("a variable between equal bounds stays", async () => {
  const low = tf.tensor1d([0.5, -2]), high = tf.tensor1d([0.5, 2]);
  for (const method of ["l-bfgs-b", "nelder-mead"] as const) {
    const options = { bounds: [low, high] as const, method };
    const { x, success } = await found(rosenbrock, [0.5, 1], options);
    assert(success);
    assertEquals(x[0], 0.5);
    assertAlmostEquals(x[1]!, 0.25, 2e-3);
  }
  tf.dispose([low, high]);
}, { only: ["cpu", "wasm"] });

onEachBackend("every method finds the bottom of a bowl", async () => {
  const bounds = [-2, 3] as const;
  for (
    const method of [...GRADIENTS, "nelder-mead", ...SEARCHES] as const
  ) {
    const isSearch = SEARCHES.includes(method as typeof SEARCHES[number]);
    const { x, value, nEvaluations, gradient } = await found(bowl, [1.5, 2], {
      method,
      ...(isSearch ? { bounds, random: new RandomState(1) } : {}),
    });
    const isPoor = method === "random-search";
    assertAlmostEquals(value, 3, isPoor ? 0.1 : 1e-5, method);
    const near = isPoor ? 0.2 : isSearch ? 3e-3 : 1e-3;
    x.forEach((x, i) => assertAlmostEquals(x, [-1, 1][i]!, near, method));
    assertEquals(gradient !== undefined, GRADIENTS.includes(method as never));
    assert(nEvaluations <= 2000, `${method}: ${nEvaluations}`);
  }
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "records, lists and nests of tensors keep their structure",
  async () => {
    await assertNoLeak(async () => {
      const x0 = {
        a: tf.scalar(3),
        list: [tf.tensor2d([[1, 2]]), { b: tf.tensor1d([4]) }],
      } as const;
      const { x, gradient, value } = await optim.minimize(
        ({ a, list: [w, { b }] }) => tf.addN([bowl(a), bowl(w), bowl(b)]),
        x0,
      );
      assertAlmostEquals(value, 9, 1e-5);
      assertEquals(x.list[0].shape, [1, 2]);
      assertAlmostEquals((await numbers(x.a))[0]!, -1, 1e-4);
      assertAlmostEquals((await numbers(x.list[0]))[1]!, 1, 1e-4);
      assertAlmostEquals((await numbers(x.list[1].b))[0]!, -1, 1e-4);
      assertEquals(gradient!.list[0].shape, [1, 2]);
      assertEquals(await numbers(x0.a), [3]);
      tf.dispose([x0, x, gradient] as unknown as tf.TensorContainer);
    });
  },
);

onEachBackend("states are left at the minimum", async () => {
  const model = new nn.Linear(2, 1, { bias: true });
  const x = tf.tensor2d([[0, 1], [1, 2], [2, -1], [3, 0]]);
  const y = tf.tensor2d([[2], [5], [0], [4]]);
  const states = model.states(ParamState);
  await assertNoLeak(async () => {
    const result = await optim.minimize(
      () => tf.mean(tf.squaredDifference(model.call(x), y)),
      states,
      { bounds: { weight: [-Infinity, Infinity], bias: [-0.5, 0.5] } },
    );
    assert(result.success, result.message);
    assertEquals(result.x, states);
    const loss = tf.tidy(() => tf.mean(tf.squaredDifference(model.call(x), y)));
    assertAlmostEquals((await numbers(loss))[0]!, result.value, 1e-6);
    const [bias] = await numbers(states["bias"]!.value);
    assert(Math.abs(bias!) <= 0.5);
    tf.dispose([loss, result.gradient as unknown as tf.Tensor]);
  });
  tf.dispose([x, y]);
});

onEachBackend(
  "a function that throws leaves states as they were, and no tensors",
  async () => {
    const w = new ParamState(tf.tensor1d([2, 3]));
    await assertNoLeak(async () => {
      for (const method of ["l-bfgs", "nelder-mead", "newton-cg"] as const) {
        let calls = 0;
        await assertRejects(
          () =>
            optim.minimize(
              () => {
                const value = bowl(w.value);
                if (++calls === 3) throw new Error("no more");
                return value;
              },
              { w },
              { method },
            ),
          Error,
          "no more",
        );
        assertEquals(await numbers(w.value), [2, 3]);
      }
    });
  },
  { eager: "a replay does not call the function again" },
);

onEachBackend("what the function writes to other states is kept", async () => {
  const count = new State(0);
  for (const method of ["bfgs", "nelder-mead"] as const) {
    count.value = 0;
    const { nEvaluations } = await found(
      (x) => {
        count.value++;
        return bowl(x);
      },
      [1, 2],
      { method },
    );
    assertEquals(count.value, nEvaluations);
  }
});

onEachBackend("no method goes where the value is NaN", async () => {
  const fn = (x: tf.Tensor) =>
    tf.add(bowl(x), tf.mul(0, tf.sum(tf.log(tf.add(x, 1.5)))));
  for (const method of [...GRADIENTS, "nelder-mead", "cma-es"] as const) {
    const { value } = await found(fn, [2, 2], {
      method,
      ...(method === "cma-es"
        ? { bounds: [-3, 3], random: new RandomState(1) }
        : {}),
    });
    assertAlmostEquals(value, 3, 1e-4, method);
  }
  const never = (x: tf.Tensor) => tf.mul(NaN, tf.sum(x));
  for (const method of [...GRADIENTS, "nelder-mead", "cma-es"] as const) {
    const { value, x, success, gradient } = await found(never, [1, 2], {
      method,
      ...(method === "cma-es"
        ? { bounds: [-3, 3], random: new RandomState(1), budget: 50 }
        : {}),
    });
    assertEquals([value, x, success, gradient], [
      NaN,
      [1, 2],
      false,
      undefined,
    ]);
  }
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "where no value is finite none is found, with every method and whatever ends it",
  async () => {
    for (const worst of [NaN, Infinity, -Infinity]) {
      const never = (x: tf.Tensor) => tf.add(tf.sum(x), worst);
      for (const method of [...SEARCHES, "nelder-mead"] as const) {
        const { value, x, success, message } = await found(never, [1, 2], {
          method,
          bounds: [-3, 3],
          maxIterations: 400,
          budget: 500,
          ...(method === "nelder-mead" ? {} : { random: new RandomState(1) }),
        });
        assertEquals([value, x, success], [NaN, [1, 2], false], message);
      }
    }
  },
  { only: ["cpu"] },
);

onEachBackend("no method goes where the value is -Infinity", async () => {
  const log = (x: tf.Tensor) =>
    tf.where(tf.greater(tf.sum(x), 0), bowl(x), tf.scalar(-Infinity));
  for (const method of [...SEARCHES, "nelder-mead"] as const) {
    const { value } = await found(log, [2, 2], {
      method,
      bounds: [-3, 3],
      budget: 400,
      ...(method === "nelder-mead" ? {} : { random: new RandomState(1) }),
    });
    assert(value >= 3 && value < 22, `${method}: ${value}`);
  }
}, { only: ["cpu"] });

onEachBackend("a start on the bounds leaves them", async () => {
  for (const start of [-2, 3]) {
    const { value, x } = await found(
      (x) => tf.sum(tf.square(tf.sub(x, 1))),
      [start, start],
      { method: "nelder-mead", bounds: [-2, 3] },
    );
    assert(value < 1e-6, `from ${start}: ${value} at ${x}`);
  }
}, { only: ["cpu"] });

onEachBackend(
  "a variable that the function does not read stays, with a gradient of 0",
  async () => {
    const x0 = { a: tf.scalar(2), unread: tf.scalar(5) };
    const { x, gradient } = await optim.minimize(({ a }) => bowl(a), x0);
    assertEquals(await numbers(x.unread), [5]);
    assertEquals(await numbers(gradient!.unread), [0]);
    tf.dispose([x0, x, gradient] as unknown as tf.TensorContainer);
  },
);

/** Two valleys: at 2 with value 0, and at -2 with value 1. */
function valleys(x: tf.Tensor): tf.Tensor {
  const at = tf.square(tf.sub(tf.square(x), 4));
  return tf.sum(tf.add(tf.mul(0.1, at), tf.mul(0.25, tf.sub(2, x))));
}

onEachBackend(
  "restarts find a lower valley, the same with the same seed",
  async () => {
    const bounds = [-3, 3] as const;
    for (const method of ["l-bfgs-b", "nelder-mead"] as const) {
      const once = await found(valleys, [-2.5], { method, bounds });
      const run = (seed: number) =>
        found(valleys, [-2.5], {
          method,
          bounds,
          nRestarts: 6,
          random: new RandomState(seed),
        });
      const often = await run(1);
      assert(once.x[0]! < 0 && often.x[0]! > 0, method);
      assert(often.nEvaluations > once.nEvaluations);
      assertEquals(await run(1), often);
      const others = [await run(2), await run(3)];
      assert(others.some((x) => x.nEvaluations !== often.nEvaluations), method);
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "searches of minimize draw from the stream that they are given",
  async () => {
    const run = (seed: number) =>
      found(rosenbrock, VALLEY, {
        method: "cma-es",
        bounds: [-2, 2],
        random: new RandomState(seed),
        budget: 60,
      });
    assertEquals(await run(1), await run(1));
    assert((await run(1)).value !== (await run(2)).value);
  },
  { only: ["cpu"] },
);

onEachBackend("options end a run, and say why", async () => {
  const base = await found(rosenbrock, VALLEY);
  const loose = await found(rosenbrock, VALLEY, { tolerance: 1 });
  assert(loose.nIterations < base.nIterations);
  assertEquals(loose.message, "the gradient is within the tolerance");
  const short = await found(rosenbrock, VALLEY, { maxIterations: 5 });
  assertEquals([short.nIterations, short.success], [5, false]);
  assertEquals(
    short.message,
    "the greatest number of iterations is reached",
  );
  const spent = await found(rosenbrock, VALLEY, { budget: 9 });
  assertEquals([spent.nEvaluations, spent.success], [9, false]);
  assertEquals(spent.message, "the budget is spent");
  assert(spent.value < 5);
  const small = await found(rosenbrock, VALLEY, { memorySize: 1 });
  assert(small.nEvaluations !== base.nEvaluations);

  for (const method of ["nelder-mead", "cma-es"] as const) {
    const more: Options = method === "cma-es"
      ? { bounds: [-2, 2], random: new RandomState(1) }
      : {};
    const options = { method, ...more };
    const far = await found(rosenbrock, VALLEY, { ...options, tolerance: 0.1 });
    const near = await found(rosenbrock, VALLEY, {
      ...options,
      ...(method === "cma-es" ? { random: new RandomState(1) } : {}),
    });
    assert(far.nIterations < near.nIterations, method);
    const few = await found(rosenbrock, VALLEY, {
      ...options,
      maxIterations: 4,
    });
    assertEquals([few.nIterations, few.success], [4, false]);
    assertEquals(few.message, "the greatest number of iterations is reached");
    const poor = await found(rosenbrock, VALLEY, { ...options, budget: 10 });
    assertEquals([poor.nEvaluations, poor.message], [
      10,
      "the budget is spent",
    ]);
  }
}, { only: ["cpu"] });

onEachBackend("a callback sees where a run is, and may end it", async () => {
  const options: Options[] = [
    { method: "bfgs" },
    { method: "nelder-mead", bounds: [-3, 3], nRestarts: 3 },
    { method: "cma-es", bounds: [-3, 3] },
  ];
  for (const more of options) {
    const seen: number[][] = [];
    const { message, nIterations } = await found(rosenbrock, VALLEY, {
      ...more,
      callback: async ({ x, value, nIterations, nEvaluations }) => {
        const [a, b] = await numbers(x);
        const there = 100 * (b! - a! ** 2) ** 2 + (1 - a!) ** 2;
        assertAlmostEquals(value, there, 1e-4 * Math.max(1, there));
        seen.push([nIterations, nEvaluations]);
        return nIterations < 3;
      },
    });
    assertEquals(message, "the callback has ended it");
    assertEquals(nIterations, 3);
    assertEquals(seen.map(([i]) => i), [1, 2, 3]);
    assert(seen[2]![1]! > seen[0]![1]!);
  }
}, { only: ["cpu"] });

onEachBackend("wrong arguments of minimize are refused", async () => {
  const x0 = tf.tensor1d([1, 2]);
  const frozen = new ParamState(tf.scalar(1));
  frozen.frozen = true;
  const state = new ParamState(tf.scalar(1));
  const int = tf.tensor1d([1], "int32");
  const three = tf.tensor1d([1, 2, 3]);
  const gone = tf.scalar(1);
  gone.dispose();
  const random = new RandomState(1);
  const wrong: [message: string, x0: unknown, options?: Options][] = [
    ["x0 must be a tensor or a state, or lists and records", 1],
    ["x0.a must be a tensor or a state", { a: null }],
    ["x0.a must be of float32", { a: int }],
    ["x0.n must be a tensor: current value is 1", { n: new State(1) }],
    ["x0 must be a tensor that has not been disposed", gone],
    ["x0 must have tensors or states, not both", [x0, state]],
    ["x0 must have at least one element", []],
    ["x0[1] must be a state that x0 has once", [state, state]],
    ["x0[1] must be of float32", [x0, int]],
    ["x0 must be a state that is not frozen", frozen],
    ["x0 must be finite: current value is Infinity", tf.scalar(Infinity)],
    ["x0 must be finite and in [-1, 1]", x0, { bounds: [-1, 1] }],
    ['method must be one of "l-bfgs"', x0, { method: "adam" }],
    ['there is no option "tol"', x0, { tol: 1 }],
    ["tolerance must be a nonnegative finite number", x0, { tolerance: -1 }],
    ["maxIterations must be a positive integer", x0, { maxIterations: 0 }],
    ["budget must be a positive integer", x0, { budget: 0.5 }],
    ["memorySize must be a positive integer", x0, { memorySize: 0 }],
    ["nRestarts must be a nonnegative integer", x0, { nRestarts: -1 }],
    ["random must be a RandomState", x0, { random: 1 }],
    ["callback must be a function", x0, { callback: 1 }],
    [
      "bounds must be left out with bfgs: it is for l-bfgs-b, nelder-mead and searches",
      x0,
      { method: "bfgs", bounds: [0, 3] },
    ],
    [
      "nRestarts must be left out with newton-cg",
      x0,
      { method: "newton-cg", nRestarts: 1 },
    ],
    [
      "memorySize must be left out with bfgs",
      x0,
      { method: "bfgs", memorySize: 1 },
    ],
    ["random must be left out with l-bfgs", x0, { random }],
    [
      "bounds must be finite, the first below the second, with cma-es",
      x0,
      { method: "cma-es" },
    ],
    [
      "bounds must be finite, the first below the second, with cma-es",
      x0,
      { method: "cma-es", bounds: [x0, x0] },
    ],
    [
      "bounds must be finite with nRestarts",
      x0,
      { bounds: [0, Infinity], nRestarts: 1 },
    ],
    ["bounds must be a pair [low, high] of numbers or tensors", x0, {
      bounds: 1,
    }],
    ["bounds must be a pair [low, high] of numbers or tensors", x0, {
      bounds: [[0, 3]],
    }],
    ["bounds must be a pair", { a: x0 }, { bounds: { b: [0, 3] } }],
    ["bounds.a[1] must be a number, or a tensor of float32 of shape [2]", {
      a: x0,
    }, { bounds: { a: [x0, three] } }],
    ["bounds must be numbers of which the first is at most the second", x0, {
      bounds: [3, 0],
    }],
    ["bounds must be numbers of which the first is at most", x0, {
      bounds: [NaN, 0],
    }],
  ];
  await assertNoLeak(async () => {
    for (const [message, x0, options] of wrong) {
      await assertRejects(
        () =>
          optim.minimize(
            (() => tf.scalar(0)) as never,
            x0 as tf.Tensor,
            options,
          ),
        Error,
        `Cannot minimize: ${message}`,
      );
    }
    await assertRejects(
      () => optim.minimize(1 as never, x0),
      TypeError,
      "Cannot minimize: fn must be a function",
    );
    const notValues: [unknown, string][] = [
      [(x: tf.Tensor) => tf.square(x), "a tensor of float32 with shape [2]"],
      [() => 3, "3"],
      [() => Promise.reject(new Error("late")), "an instance of Promise"],
    ];
    for (const method of ["bfgs", "nelder-mead"] as const) {
      for (const [fn, shown] of notValues) {
        await assertRejects(
          () => optim.minimize(fn as () => tf.Tensor, x0, { method }),
          TypeError,
          `Cannot minimize: what fn returns must be a scalar of float32: current value is ${shown}`,
        );
      }
    }
  });
  tf.dispose([x0, int, three]);
});

Deno.test("a matrix times its inverse is the identity, whatever the pivots", () => {
  const a = Float64Array.of(0, 2, 1, 1, 0, 3, 4, 1, 0);
  const b = inverse(a, 3);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      let product = 0;
      for (let k = 0; k < 3; k++) product += a[3 * i + k]! * b[3 * k + j]!;
      assertAlmostEquals(product, Number(i === j), 1e-14);
    }
  }
});
