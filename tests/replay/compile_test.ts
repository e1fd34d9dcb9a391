/** Compiled functions against the same functions run as they are: every bit is equal. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  autodiff,
  compile,
  type Compiled,
  environ,
  nn,
  optim,
  ParamState,
  random,
  scan,
  State,
  tf,
  train,
} from "../../mod.ts";
import { transaction } from "../../internal/transaction.ts";
import { onEachBackend } from "../_backends.ts";

type Step = (x: tf.Tensor2D, y: tf.Tensor2D) => tf.Scalar;

const values = async (x: tf.Tensor) => [...await x.data()];

/** What `fn` returns for 0, 1, ..., one after the other. */
async function sequence<T>(
  count: number,
  fn: (i: number) => T | Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < count; i++) results.push(await fn(i));
  return results;
}

function onReplaying(name: string, fn: () => void | Promise<void>): void {
  onEachBackend(name, fn, { only: ["wasm", "webgpu"] });
}

function onWasm(name: string, fn: () => void | Promise<void>): void {
  onEachBackend(name, fn, { only: ["wasm"] });
}

/** A model of all that is awkward, and its training step. */
function setUp() {
  random.seed(3);
  const model = new nn.Sequential(
    new nn.Linear(4, 8),
    new nn.BatchNorm0d(8),
    new nn.Dropout({ rate: 0.5 }),
    new nn.Linear(8, 2),
  );
  const optimizer = new optim.Adam({ lr: 1e-2, gradClipNorm: 1 })
    .registerTrainableWeights(model.states(ParamState));
  const loss = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y));
  return { model, optimizer, step: train.step(loss, optimizer) as Step };
}

function batch(size: number, i: number): [tf.Tensor2D, tf.Tensor2D] {
  const source = { random: new random.RandomState(i) };
  return [random.normal([size, 4], source), random.normal([size, 2], source)];
}

/** The loss of step `i` on a batch of `size`. */
async function take(
  step: Step,
  size: number,
  i: number,
): Promise<number> {
  const tensors = batch(size, i), loss = step(...tensors);
  const [value] = await values(loss);
  tf.dispose([tensors, loss]);
  return value!;
}

type Scene = ReturnType<typeof setUp>;

/** Run a scene with and without `compile`: the numbers it returns must be equal. */
async function assertSame(
  scene: (scene: Scene) => Promise<number[]>,
  replayed: number,
): Promise<Compiled<Parameters<Step>, tf.Scalar>> {
  const plain = await scene(setUp());
  const second = setUp();
  const step = compile(second.step, { onFallback: "throw" });
  assertEquals(await scene({ ...second, step }), plain);
  const report = step.report();
  assert(report.replayed >= replayed, JSON.stringify(report));
  return step;
}

onReplaying("a smaller last batch has a program of its own", async () => {
  const step = await assertSame(
    ({ step }) => sequence(24, (i) => take(step, i % 4 === 3 ? 5 : 8, i)),
    16,
  );
  assertEquals(step.report().programs.length, 2);
  step.dispose();
  assertEquals(step.report().programs.length, 0);
});

onReplaying("clones taken between steps stay as they were", async () => {
  await assertSame(async ({ step, model }) => {
    const losses: number[] = [], clones: tf.Tensor[] = [];
    const [weight] = Object.values(model.states(ParamState));
    for (let i = 0; i < 12; i++) {
      losses.push(await take(step, 8, i));
      if (i % 3 === 0) clones.push(tf.clone(weight!.value));
    }
    return [...losses, ...(await Promise.all(clones.map(values))).flat()];
  }, 1);
});

onReplaying("a saved state may be loaded between steps", async () => {
  await assertSame(async ({ step, model, optimizer }) => {
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) losses.push(await take(step, 8, i));
    const saved = optimizer.stateDict();
    const states = Object.values(model.states(State));
    const before = states.map(({ value }) => tf.clone(value as tf.Tensor));
    for (let i = 5; i < 9; i++) losses.push(await take(step, 8, i));
    optimizer.loadStateDict(saved);
    states.forEach((state, i) => state.value = before[i]!);
    for (let i = 9; i < 14; i++) losses.push(await take(step, 8, i));
    return losses;
  }, 1);
});

onReplaying("learning rates, seeds and counts stay live", async () => {
  await assertSame(async ({ step, optimizer }) => {
    const losses: number[] = [];
    for (let i = 0; i < 12; i++) {
      if (i === 6) optimizer.currentLr = 0.3;
      if (i === 8) random.seed(99);
      losses.push(await take(step, 8, i));
    }
    return [...losses, optimizer.stepCount, random.default.value.offset];
  }, 9);
});

onReplaying("a schedule of the learning rate is followed", async () => {
  const run = (isCompiled: boolean) => {
    random.seed(1);
    const layer = new nn.Linear(4, 2);
    const optimizer = new optim.AdamW({
      lr: new optim.CosineAnnealingLR({ baseLr: 0.1, tMax: 20 }),
    }).registerTrainableWeights(layer.states(ParamState));
    const plain: Step = train.step(
      (x, y) => tf.mean<tf.Scalar>(tf.squaredDifference(layer.call(x), y)),
      optimizer,
    );
    const step = isCompiled ? compile(plain) : plain;
    return sequence(20, async (i) => {
      const loss = await take(step, 8, i);
      optimizer.lrScheduler.step();
      return loss;
    });
  };
  assertEquals(await run(true), await run(false));
});

onReplaying("evaluation between steps sees what was trained", async () => {
  await assertSame(async ({ step, model }) => {
    const numbers: number[] = [], [x] = batch(6, 77);
    for (let i = 0; i < 10; i++) {
      numbers.push(await take(step, 8, i));
      const y = environ.context({ fit: false }, () => model.call(x));
      numbers.push(...await values(y as tf.Tensor));
      tf.dispose(y);
    }
    return numbers;
  }, 8);
});

onReplaying(
  "parameters frozen and unfrozen between steps are part of the key",
  async () => {
    await assertSame(async ({ step, model }) => {
      const losses: number[] = [];
      for (let i = 0; i < 16; i++) {
        if (i === 5) nn.freeze(model, "layers.0");
        if (i === 10) nn.unfreeze(model, "layers.0");
        losses.push(await take(step, 8, i));
      }
      const [weight] = Object.values(model.states(ParamState));
      return [...losses, ...await values(weight!.value)];
    }, 6);
  },
);

onReplaying("settings of the caller are part of the key", async () => {
  const drop = new nn.Dropout<tf.Tensor2D>({ rate: 0.5 });
  const call = compile((x: tf.Tensor2D) => drop.call(x));
  const x = tf.ones([4, 4]) as tf.Tensor2D;
  const isWhole = await sequence(8, async (i) => {
    const y = environ.context({ fit: i % 2 === 0 }, () => call(x));
    return (await values(y)).every((v) => v === 1);
  });
  const expected = [false, true, false, true, false, true, false, true];
  assertEquals(isWhole, expected);
  assertEquals(call.report().programs.length, 2);
});

onReplaying("arguments that are no tensors are part of the key", async () => {
  const call = compile((
    x: tf.Tensor,
    fn: (x: tf.Tensor) => tf.Tensor,
    n?: number,
  ) => tf.mul(fn(x), n ?? 1));
  const scale = (k: number) => (x: tf.Tensor) => tf.mul(x, k);
  const [double, triple] = [scale(2), scale(3)];
  for (let i = 0; i < 4; i++) {
    assertEquals(await values(call(tf.tensor1d([i]), double)), [2 * i]);
    assertEquals(await values(call(tf.tensor1d([i]), triple)), [3 * i]);
    assertEquals(await values(call(tf.tensor1d([i]), double, 5)), [10 * i]);
  }
  assertEquals(call.report().replayed, 6);
});

onReplaying("what is returned may have numbers and nests in it", async () => {
  const call = compile((x: tf.Tensor) => ({
    sum: tf.sum(x),
    list: [tf.neg(x), 0, 1, "text", null],
  }));
  for (let i = 0; i < 5; i++) {
    const { sum, list } = call(tf.tensor1d([i, 1]));
    const [negative, ...rest] = list as [tf.Tensor, ...unknown[]];
    assertEquals([await values(sum), await values(negative)], [[i + 1], [
      -i,
      -1,
    ]]);
    assertEquals(rest, [0, 1, "text", null]);
  }
  assertEquals(call.report().replayed, 3);
});

/** Functions that cannot be replayed, and why. */
const REFUSED: readonly [
  string,
  () => (x: tf.Tensor) => tf.Tensor,
  (i: number) => number,
  string,
][] = [
  [
    "reads of values",
    () => (x) => tf.mul(x, x.dataSync()[0]!),
    (i) => i * i,
    "it reads values",
  ],
  [
    "numbers that JavaScript computes anew each time",
    () => {
      let calls = 0;
      return (x) => tf.mul(x, ++calls);
    },
    (i) => i * i,
    "its calls differ: numbers that JavaScript computes have changed",
  ],
  [
    "control flow that differs",
    () => {
      let calls = 0;
      return (x) => ++calls % 2 ? tf.add(x, 1) : tf.mul(x, 1);
    },
    (i) => i % 2 ? i + 1 : i,
    "its calls differ",
  ],
  [
    "tensors that are kept",
    () => {
      const kept: tf.Tensor[] = [];
      return (x) => {
        kept.push(tf.keep(tf.square(x)));
        return tf.neg(x);
      };
    },
    (i) => -i,
    "a tensor made in it outlives the call",
  ],
  [
    "random words used in JavaScript",
    () => (x) => tf.add(x, 0 * random.default.words(1)[0]!),
    (i) => i,
    "it uses random words in JavaScript",
  ],
  [
    "complex numbers",
    () => (x) => tf.real(tf.complex(x, x)),
    (i) => i,
    "it computes with tensors of complex64",
  ],
];

for (const [name, make, right, reason] of REFUSED) {
  onReplaying(
    `${name} run the function as it is, and the reason is told once`,
    async () => {
      const reasons: string[] = [];
      const call = compile(make(), {
        onFallback: (text) => reasons.push(text),
      });
      for (let i = 1; i < 10; i++) {
        assertEquals(await values(call(tf.tensor1d([i]))), [right(i)]);
      }
      assertEquals(reasons.length, 1, reasons.join("\n"));
      assert(reasons[0]!.startsWith(`Cannot compile: ${reason}`), reasons[0]);
      assertEquals([call.report().reason?.startsWith(reason)], [true]);
    },
  );
}

onReplaying("the reason names the line of the caller's own code", () => {
  let told = "";
  const call = compile((x: tf.Tensor) => tf.mul(x, x.dataSync()[0]!), {
    onFallback: (reason) => told = reason,
  });
  call(tf.tensor1d([1]));
  assert(/at file:.*compile_test\.ts:\d+:\d+\)$/.test(told), told);
});

onReplaying(
  'onFallback: "throw" throws the reason, "ignore" is silent',
  () => {
    const read = (x: tf.Tensor) => tf.mul(x, x.dataSync()[0]!);
    const strict = compile(read, { onFallback: "throw" });
    assertThrows(() => strict(tf.tensor1d([1])), Error, "it reads values");
    const { warn } = console;
    let warnings = 0;
    console.warn = () => warnings++;
    try {
      compile(read, { onFallback: "ignore" })(tf.tensor1d([1]));
      assertEquals(warnings, 0);
      compile(read)(tf.tensor1d([1]));
      assertEquals(warnings, 1);
    } finally {
      console.warn = warn;
    }
  },
);

onReplaying(
  "one tensor twice, a state's value, and an argument returned stay apart",
  async () => {
    const state = new State(tf.tensor1d([1, 2]));
    const call = compile((x: tf.Tensor, y: tf.Tensor) =>
      [tf.add(x, tf.mul(y, state.value)), x, state.value] as const
    );
    const a = tf.tensor1d([1, 1]), b = tf.tensor1d([10, 10]);
    const s = state.value;
    for (const [x, y] of [[a, a], [a, b], [a, a], [b, a], [s, b], [a, s]]) {
      const [sum, first, held] = call(x!, y!);
      assertEquals(
        await values(sum),
        await values(tf.add(x!, tf.mul(y!, state.value))),
      );
      assertEquals([await values(first), await values(held)], [
        await values(x!),
        [1, 2],
      ]);
      tf.dispose([sum, first, held]);
    }
    assertEquals(await values(state.value), [1, 2]);
    assertEquals(call.report().replayed, 4);
  },
);

onWasm(
  "an error in a replay leaves the states as they were, and the next call works",
  async () => {
    const table = new ParamState(tf.tensor2d([[1], [2], [3]]));
    const optimizer = new optim.SGD({ lr: 0.1 })
      .registerTrainableWeights({ table });
    const step = compile(train.step(
      (i: tf.Tensor1D) => tf.sum<tf.Scalar>(tf.gather(table.value, i)),
      optimizer,
    ));
    const at = (...ids: number[]) => tf.tensor1d(ids, "int32");
    for (let i = 0; i < 4; i++) step(at(0, 1)).dispose();
    const before = [...await values(table.value), optimizer.stepCount];
    assertThrows(() => step(at(0, 7)), RangeError, "Cannot gather");
    assertEquals([...await values(table.value), optimizer.stepCount], before);
    step(at(0, 1)).dispose();
    assert((await values(table.value))[0]! < before[0]!);
  },
);

onReplaying("recomputed dropout draws the same mask again", async () => {
  const run = async (isCompiled: boolean) => {
    random.seed(5);
    const layer = new nn.Linear(6, 6);
    const drop = new nn.Dropout<tf.Tensor2D>({ rate: 0.5 });
    const optimizer = new optim.SGD({ lr: 0.1 })
      .registerTrainableWeights(layer.states(ParamState));
    const body = autodiff.recompute((x: tf.Tensor2D) =>
      drop.call(tf.tanh(layer.call(x)))
    );
    const plain = train.step(
      (x: tf.Tensor2D) => tf.mean<tf.Scalar>(tf.square(body(x))),
      optimizer,
    );
    const step = isCompiled ? compile(plain, { onFallback: "throw" }) : plain;
    const losses = await sequence(8, async (i) => {
      const x = random.normal<tf.Rank.R2>([4, 6], {
        random: new random.RandomState(i),
      });
      return (await values(step(x)))[0]!;
    });
    return [...losses, random.default.value.offset];
  };
  assertEquals(await run(true), await run(false));
});

onReplaying(
  "a clone of an argument may be returned, and nothing is left",
  async () => {
    const call = compile((x: tf.Tensor) => [tf.clone(x), x, tf.neg(x)]);
    const x = tf.tensor1d([1, 2]), before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) {
      const result = call(x);
      assertEquals(await Promise.all(result.map(values)), [
        [1, 2],
        [1, 2],
        [-1, -2],
      ]);
      tf.dispose(result);
      assertEquals(tf.memory().numTensors, before);
    }
    assertEquals(await values(x), [1, 2]);
  },
);

onReplaying(
  "replays leave no tensor, and disposing frees all memory",
  async () => {
    const { step } = setUp();
    for (let i = 0; i < 3; i++) await take(step, 8, i);
    const backend = tf.backend() as unknown as { numDataIds(): number };
    const count = () => [tf.memory().numTensors, backend.numDataIds()];
    const before = count();
    const compiled = compile(step);
    for (let i = 0; i < 50; i++) await take(compiled, 8, i);
    assertEquals(tf.memory().numTensors, before[0]);
    compiled.dispose();
    assertEquals(count(), before);
    await take(compiled, 8, 51); // records again
    compiled.dispose();
    assertEquals(count(), before);
  },
);

onReplaying(
  "programs used longest ago are freed when there are too many",
  () => {
    const call = compile((x: tf.Tensor) => tf.square(x), { programs: 2 });
    for (const size of [1, 2, 3, 4]) {
      for (let i = 0; i < 3; i++) call(tf.ones([size])).dispose();
    }
    assertEquals(call.report().programs.length, 2);
    const { replayed } = call.report();
    call(tf.ones([4])).dispose();
    assertEquals(call.report().replayed, replayed + 1);
    call(tf.ones([1])).dispose();
    assertEquals(call.report().replayed, replayed + 1);
  },
);

onReplaying(
  "a number that changes later is noticed when replays are compared",
  async () => {
    let factor = 1;
    const call = compile((x: tf.Tensor) => tf.mul(x, factor));
    const seen = await sequence(80, async (i) => {
      if (i === 30) factor = 2;
      return (await values(call(tf.tensor1d([1]))))[0]!;
    });
    // Replays 16 and 64 are compared: calls 30 to 65 were computed with the old one.
    assertEquals(seen.indexOf(2), 65);
    assertEquals(seen.slice(66), Array(14).fill(2));
  },
);

onReplaying("a transaction takes back what replays have written", async () => {
  const run = async (isCompiled: boolean) => {
    random.seed(8);
    const model = new nn.Sequential(
      new nn.BatchNorm0d(3),
      new nn.Dropout<tf.Tensor2D>({ rate: 0.5 }),
    );
    const plain = (x: tf.Tensor2D) =>
      environ.context({ fit: true }, () => model.call(x) as tf.Tensor2D);
    const call = isCompiled ? compile(plain, { onFallback: "throw" }) : plain;
    const numbers: number[] = [];
    for (let i = 0; i < 12; i++) {
      const x = tf.tensor2d([[i, 1, 2], [3, i * i, 5]]);
      const outer = transaction(() => {
        const first = transaction(() => call(x), true);
        const second = transaction(() => call(x), true);
        if (i % 3 === 1) second.rollback();
        else second.commit();
        first.commit();
        return [first.value, second.value];
      }, true);
      if (i % 4 === 3) outer.rollback();
      else outer.commit();
      for (const y of outer.value) numbers.push(...await values(y));
      for (const { value } of Object.values(model.states(State))) {
        numbers.push(...await values(value as tf.Tensor));
      }
      numbers.push(random.default.value.offset);
      tf.dispose([x, outer.value]);
    }
    return numbers;
  };
  const before = tf.memory().numTensors;
  const expected = await run(false), held = tf.memory().numTensors - before;
  assertEquals(await run(true), expected);
  assertEquals(tf.memory().numTensors, before + 2 * held);
});

onReplaying(
  "a compiled function can be differentiated, and compiled again",
  async () => {
    const inner = compile((x: tf.Tensor) => tf.square(x));
    const outer = compile((x: tf.Tensor) => tf.neg(inner(x)));
    const slope = autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(inner(x)));
    for (let i = 1; i < 6; i++) {
      assertEquals(await values(inner(tf.tensor1d([i]))), [i * i]);
      assertEquals(await values(outer(tf.tensor1d([i]))), [-i * i]);
      assertEquals(await values(slope(tf.tensor1d([i]))), [2 * i]);
    }
    assertEquals([inner, outer].map((f) => f.report().replayed), [3, 3]);
  },
);

onReplaying(
  "weights that XNNPACK keeps do not go stale when replays overwrite them",
  async () => {
    const run = (isCompiled: boolean) => {
      random.seed(6);
      const w = new ParamState(random.normal<tf.Rank.R4>([3, 3, 2, 1]));
      const optimizer = new optim.SGD({ lr: 0.1 }).registerTrainableWeights({
        w,
      });
      const convolve = (x: tf.Tensor4D) =>
        tf.depthwiseConv2d(x, w.value as tf.Tensor4D, 1, "same");
      const plain = train.step(
        (x: tf.Tensor4D) => tf.mean<tf.Scalar>(tf.square(convolve(x))),
        optimizer,
      );
      const step = isCompiled ? compile(plain) : plain;
      const x = random.normal<tf.Rank.R4>([2, 6, 6, 2]);
      return sequence(
        8,
        async () => [...await values(step(x)), ...await values(convolve(x))],
      );
    };
    assertEquals(await run(true), await run(false));
  },
);

onReplaying(
  "arguments that the function disposes of are disposed of in replays too",
  async () => {
    const call = compile((x: tf.Tensor) => {
      const y = tf.square(x);
      x.dispose();
      return y;
    });
    for (let i = 0; i < 5; i++) {
      const x = tf.tensor1d([i]);
      assertEquals(await values(call(x)), [i * i]);
      assert(x.isDisposed);
    }
  },
);

{
  onEachBackend(
    "where nothing can be replayed, functions run as they are",
    async () => {
      const reasons: string[] = [];
      const call = compile((x: tf.Tensor) => tf.square(x), {
        onFallback: (reason) => reasons.push(reason),
      });
      for (let i = 0; i < 3; i++) {
        assertEquals([...await call(tf.tensor1d([i])).data()], [i * i]);
      }
      assertEquals(call.report().replayed, 0);
      assertEquals(reasons.length, 1);
    },
    { only: ["cpu"] },
  );
}

Deno.test("compile() refuses what is no function, and unknown options", () => {
  assertThrows(() => compile(3 as never), TypeError, "must be a function");
  const fn = () => tf.scalar(1);
  assertThrows(
    () => compile(fn, { onFallbacks: "warn" } as never),
    TypeError,
    'did you mean "onFallback"?',
  );
  assertThrows(
    () => compile(fn, { onFallback: "shout" as never }),
    RangeError,
    "onFallback must be",
  );
  assertThrows(() => compile(fn, { programs: 0 }), RangeError, "programs");
});

onReplaying(
  "tfjs' own gradient of a compiled function is that of the function",
  async () => {
    const square = compile((x: tf.Tensor) => tf.square(x), {
      onFallback: "throw",
    });
    const x = tf.tensor1d([1, 2, 3]);
    for (let i = 0; i < 4; i++) square(x).dispose();
    assertEquals(await values(tf.grad(square)(x)), [2, 4, 6]);
  },
);

onEachBackend("a compiled function refuses to return a promise", () => {
  const later = compile(
    (x: tf.Tensor) => Promise.resolve(tf.neg(x)),
    { onFallback: "ignore" },
  );
  const x = tf.scalar(1);
  assertThrows(
    () => later(x),
    TypeError,
    "Cannot call the compiled function: it must not return a promise",
  );
  later.dispose();
  x.dispose();
});

onWasm("debugNaN() sees what a compiled function does", async () => {
  const log = compile((x: tf.Tensor) => tf.mul(tf.log(x), 2), {
    onFallback: "throw",
  });
  for (let i = 0; i < 4; i++) log(tf.scalar(1)).dispose();
  await assertRejects(
    () => autodiff.debugNaN(() => log(tf.scalar(-1))),
    Error,
    "(Log) made NaN",
  );
  const loop = () =>
    scan(
      (c) => [tf.sub(tf.mul(c, 10), 1), undefined],
      tf.scalar(2),
      undefined,
      { length: 100 },
    )[0];
  await assertRejects(
    () => autodiff.debugNaN(loop),
    Error,
    "(Multiply) made Infinity",
  );
});

onWasm(
  "a report tells that a clone of a state's value keeps it from replays",
  () => {
    const state = new State(tf.zeros<tf.Rank.R1>([2]));
    const count = compile((x: tf.Tensor1D) => {
      state.value = tf.add(state.value, x);
    });
    const x = tf.ones<tf.Rank.R1>([2]);
    for (let i = 0; i < 4; i++) count(x);
    const held = tf.clone(state.value);
    for (let i = 0; i < 4; i++) count(x);
    assertEquals([...held.dataSync()], [4, 4]);
    assertEquals([...state.value.dataSync()], [8, 8]);
    assert(count.report().reason?.includes("shares the memory of a state"));
    held.dispose();
    count.dispose();
    tf.dispose([x, state.value]);
  },
);
