import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../autodiff/mod.ts";
import { environ } from "../environ.ts";
import { scope } from "../memory.ts";
import {
  BatchState,
  HiddenState,
  LongTermState,
  ParamState,
  ShortTermState,
  State,
  values,
} from "../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "./_backends.ts";

const tests = { only: ["cpu"] } as const;

onEachBackend("a state owns a clone of what it is given", async () => {
  await assertNoLeak(async () => {
    const x = tf.tensor1d([1, 2]);
    const state = new State(x);
    x.dispose();
    assertEquals(await numbers(state.value), [1, 2]);
    state.dispose();
  });
});

onEachBackend("writing a state frees the value it held", async () => {
  await assertNoLeak(async () => {
    using state = scope(() => new State(tf.scalar(1)));
    for (let i = 0; i < 3; i++) {
      scope(() => {
        state.value = tf.add(state.value, 1);
      });
    }
    assertEquals(await numbers(state.value), [4]);
  });
});

onEachBackend(
  "what was read from a state stays usable in its scope",
  async () => {
    await assertNoLeak(async () => {
      using state = scope(() => new State(tf.scalar(1)));
      const sum = scope(() => {
        const old = state.value;
        state.value = tf.scalar(10);
        return tf.add(old, state.value);
      });
      assertEquals(await numbers(sum), [11]);
      sum.dispose();
    });
  },
  tests,
);

onEachBackend("a state can be written with its own value", async () => {
  await assertNoLeak(async () => {
    using state = scope(() => new State(tf.scalar(5)));
    const same = state.value;
    state.value = same;
    assertEquals(await numbers(state.value), [5]);
  });
}, tests);

onEachBackend("a state refuses another shape, dtype or kind", () => {
  scope(() => {
    using state = new ParamState(tf.zeros([2, 3]), { name: "weight" });
    assertThrows(
      () => state.value = tf.zeros([3, 2]),
      RangeError,
      "Cannot write weight: the shape must be [2,3]: current value is [3,2]",
    );
    assertThrows(
      () => state.value = tf.zeros([2, 3], "int32"),
      TypeError,
      "the dtype must be float32: current value is int32",
    );
    assertThrows(
      () => state.value = state as unknown as tf.Tensor,
      TypeError,
      "current value is a ParamState",
    );
    assertThrows(
      () => state.value = 3 as unknown as tf.Tensor,
      TypeError,
      "the value must be a tensor: current value is 3",
    );
    assertEquals(state.shape, [2, 3]);
  });
}, tests);

onEachBackend("replace() may change the shape", () => {
  scope(() => {
    using state = new State<tf.Tensor>(tf.zeros([2]));
    state.replace(tf.zeros([3, 1]));
    assertEquals(state.shape, [3, 1]);
    assertEquals([state.size, state.dtype], [3, "float32"]);
  });
}, tests);

onEachBackend("a disposed state throws when read or written", () => {
  const state = scope(() => new State(tf.scalar(1)));
  state.dispose();
  state.dispose();
  assert(state.isDisposed);
  assertThrows(() => state.value, Error, "Cannot read State: it has been");
  assertThrows(
    () => scope(() => state.value = tf.scalar(2)),
    Error,
    "Cannot write State: it has been disposed",
  );
}, tests);

Deno.test("a state may hold plain data", () => {
  const state = new State({ seed: 1 });
  const next = { seed: 2 };
  state.value = next;
  assertStrictEquals(state.value, next);
  assertThrows(() => state.shape, TypeError, "it holds no tensor");
});

onEachBackend("the kind of a state is its class", () => {
  scope(() => {
    using param = new ParamState(tf.scalar(0), { tags: ["bias"] });
    using batch = new BatchState(tf.scalar(0));
    using hidden = new HiddenState(tf.scalar(0));
    assert(param instanceof LongTermState && batch instanceof LongTermState);
    assert(hidden instanceof ShortTermState);
    assertEquals([...param.tags], ["bias"]);
    assertEquals(Object.keys(values({ param, batch })), ["param", "batch"]);
  });
}, tests);

onEachBackend(
  "scope() frees all but what it returns, also when it throws",
  () => {
    const before = tf.memory().numTensors;
    const { x } = scope(() => ({ x: tf.add(tf.ones([2]), 1), n: 3 }));
    assertEquals(tf.memory().numTensors, before + 1);
    x.dispose();
    assertThrows(() =>
      scope(() => {
        tf.ones([2]);
        throw new Error("stop");
      })
    );
    assertThrows(
      () => scope(() => Promise.resolve(tf.ones([2]))),
      TypeError,
      "must not return a promise",
    );
    assertEquals(tf.memory().numTensors, before);
  },
  tests,
);

Deno.test("environ finds the innermost setting, and forgets contexts", () => {
  assertEquals([environ.get("fit"), environ.has("fit")], [false, false]);
  assertThrows(
    () => environ.get("rate"),
    Error,
    "Cannot read environ.rate: it is not set: set it with environ.context",
  );
  environ.set({ fit: false, rate: 3 });
  const seen = environ.context({ fit: true }, () => {
    assertEquals(environ.get("rate"), 3);
    assertThrows(() =>
      environ.context({ fit: false }, () => {
        throw new Error("stop");
      })
    );
    return environ.get("fit");
  });
  assertEquals([seen, environ.get("fit")], [true, false]);
  environ.set({ fit: undefined, rate: undefined });
  assertEquals([environ.has("fit"), environ.has("rate")], [false, false]);
  assertEquals(environ.get("fit", { default: true }), true);
});

onEachBackend(
  "an overwritten value that a scope returns belongs to the scope around it",
  async () => {
    await assertNoLeak(() => {
      using state = scope(() => new State(tf.scalar(1)));
      scope(() => {
        scope(() => {
          const before = state.value;
          state.value = tf.scalar(2);
          return before;
        });
      });
    });
  },
  tests,
);

onEachBackend(
  "aux of a gradient that a scope returns belongs to the scope around it",
  async () => {
    await assertNoLeak(() => {
      const x = tf.scalar(3);
      const gradient = grad(
        (x: tf.Scalar) => [tf.square(x), { aux: tf.neg(x) }] as const,
        { hasAux: true },
      );
      scope(() => {
        scope(() => gradient(x));
      });
      x.dispose();
    });
  },
  tests,
);

Deno.test("environ refuses promises and settings of another kind", () => {
  assertThrows(
    () => environ.context({ fit: true }, () => Promise.resolve(1)),
    TypeError,
    "must not return a promise",
  );
  assertThrows(
    () => environ.set({ fit: 1 as unknown as boolean }),
    TypeError,
    "Cannot set environ: fit must be true or false: current value is 1",
  );
});
