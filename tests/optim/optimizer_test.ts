/** The contract of `Optimizer`: keys, groups, rates, state. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { BatchState, ParamState } from "../../state.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

function param(...values: number[]): ParamState {
  return scope(() => new ParamState(tf.tensor1d(values)));
}

function like(...values: number[]): tf.Tensor {
  return tf.tensor1d(values);
}

async function assertClose(
  state: ParamState,
  expected: readonly number[],
  tolerance = 1e-5,
): Promise<void> {
  const actual = await numbers(state.value);
  assertEquals(actual.length, expected.length);
  expected.forEach((x, i) => assertAlmostEquals(actual[i]!, x, tolerance));
}

onEachBackend(
  "parameters without a gradient stay, and so do their slots",
  async () => {
    const a = param(1, 2), b = param(3);
    using optimizer = new optim.Adam({ lr: 0.1 }).registerTrainableWeights({
      a,
      b,
    });
    optimizer.step({ a: like(1, -1), b: like(5) });
    const before = await numbers(b.value);
    const m = await numbers(optimizer.optState.slots["m"]!["b"]!);
    optimizer.step({ a: like(1, -1) });
    assertEquals(await numbers(b.value), before);
    assertEquals(await numbers(optimizer.optState.slots["m"]!["b"]!), m);
    assertEquals(optimizer.optState.steps, { a: 2, b: 1 });
    assertEquals(optimizer.stepCount, 2);
  },
);

onEachBackend(
  "a parameter unfrozen later starts as in a new optimizer",
  async () => {
    const early = param(0), late = param(1), fresh = param(1);
    using both = new optim.Adam({ lr: 0.1 })
      .registerTrainableWeights({ early, late });
    for (let i = 0; i < 20; i++) both.step({ early: like(1) });
    using other = new optim.Adam({ lr: 0.1 }).registerTrainableWeights({
      fresh,
    });
    for (const g of [0.5, -0.2, 0.3]) {
      both.step({ early: like(1), late: like(g) });
      other.step({ fresh: like(g) });
    }
    assertEquals(await numbers(late.value), await numbers(fresh.value));
  },
);

onEachBackend("a clone of a parameter or slot keeps its values", async () => {
  const w = param(1, 2);
  using optimizer = new optim.Momentum({ lr: 1 }).registerTrainableWeights({
    w,
  });
  optimizer.step({ w: like(1, 1) });
  const clone = tf.clone(w.value);
  const { slots } = optimizer.stateDict();
  optimizer.step({ w: like(1, 1) });
  assertEquals(await numbers(clone), [0, 1]);
  assertEquals(await numbers(slots["velocity"]!["w"]!), [1, 1]);
  await assertClose(w, [-1.9, -0.9]);
  tf.dispose([clone, slots["velocity"]!["w"]!]);
});

onEachBackend(
  "a step inside a scope leaves its results, and nothing else",
  async () => {
    const w = param(1, 2);
    using optimizer = new optim.Adam({ lr: 0.1 }).registerTrainableWeights({
      w,
    });
    optimizer.step({ w: like(1, 1) });
    await assertNoLeak(() => {
      for (let i = 0; i < 5; i++) {
        scope(() => optimizer.step({ w: like(1, 1) }));
      }
    });
    await assertClose(w, [0.4, 1.4]);
  },
);

onEachBackend("a step disposes gradients, unless keep is true", () => {
  const w = param(1);
  using optimizer = new optim.SGD().registerTrainableWeights({ w });
  const [g, h] = [like(1), like(1)];
  optimizer.step({ w: g });
  optimizer.step({ w: h }, { keep: true });
  assertEquals([g.isDisposed, h.isDisposed], [true, false]);
  h.dispose();
}, { only: ["cpu"] });

onEachBackend("not-a-number spreads, and nothing throws", async () => {
  const w = param(1, 2), v = param(3);
  using optimizer = new optim.Lion({ lr: 0.1 }).registerTrainableWeights({
    w,
    v,
  });
  optimizer.step({ w: like(NaN, 1), v: like(1) });
  const values = await numbers(w.value);
  assert(Number.isNaN(values[0]));
  assertAlmostEquals(values[1]!, 1.9, 1e-6);
  using clipped = new optim.SGD({ gradClipNorm: 1 }).registerTrainableWeights({
    v,
  });
  clipped.step({ v: like(NaN) });
  assert(Number.isNaN((await numbers(v.value))[0]));
}, { only: ["cpu", "wasm"] });

onEachBackend("wrong gradients throw before anything has changed", async () => {
  const w = param(1, 2);
  const optimizer = new optim.SGD({ lr: 1 });
  const g = like(1, 1), wide = like(1, 1, 1), whole = tf.ones([2], "int32");
  const step = (grads: Record<string, tf.Tensor>) => () =>
    optimizer.step(grads);
  assertThrows(
    step({ w: g }),
    Error,
    "call registerTrainableWeights(params) first",
  );
  optimizer.registerTrainableWeights({ w });
  assertThrows(
    step({ w: g, v: g }),
    RangeError,
    'no parameter is registered as "v"',
  );
  assertThrows(step({}), RangeError, "at least one parameter");
  assertThrows(
    step({ w: wide }),
    RangeError,
    'Cannot step SGD: the gradient of "w" must be of the shape [2]: current value is [3]',
  );
  assertThrows(
    step({ w: whole }),
    TypeError,
    "float32 tensor: current value is a tensor of int32",
  );
  assertEquals(await numbers(w.value), [1, 2]);
  assertEquals([optimizer.stepCount, g.isDisposed], [0, false]);
  tf.dispose([g, wide, whole]);
}, { only: ["cpu"] });

onEachBackend("only states of float32 tensors are registered", () => {
  const optimizer = new optim.SGD();
  const register = (params: unknown) => () =>
    optimizer.registerTrainableWeights(params as Record<string, ParamState>);
  const whole = scope(() => new ParamState(tf.ones([1], "int32")));
  assertThrows(
    register({ w: 3 }),
    TypeError,
    '"w" must be a state: current value is 3',
  );
  assertThrows(register(param(1)), TypeError, "must be a state");
  assertThrows(register({ whole }), TypeError, "float32");
  assertThrows(register(null), TypeError, "record of states");
  assertThrows(
    register(new nn.Linear(1, 1)),
    TypeError,
    "must be a record of states, such as model.states(ParamState): current value is an instance of Linear",
  );
}, { only: ["cpu"] });

onEachBackend("registering again adds parameters and keeps slots", async () => {
  const a = param(1), b = param(2);
  using optimizer = new optim.Momentum({ lr: 1 }).registerTrainableWeights({
    a,
  });
  optimizer.step({ a: like(1) });
  optimizer.registerTrainableWeights({ a, b })
    .step({ a: like(1), b: like(1) });
  await assertClose(a, [-1.9]);
  await assertClose(b, [1]);
  assertEquals(Object.keys(optimizer.paramStates), ["a", "b"]);
  assertThrows(
    () => optimizer.registerTrainableWeights({ a: param(1) }),
    RangeError,
    'another parameter is registered as "a"',
  );
}, { only: ["cpu"] });

onEachBackend("one state under two paths is one parameter", async () => {
  const tied = param(1);
  using optimizer = new optim.SGD({ lr: 1 })
    .registerTrainableWeights({ embed: tied, head: tied });
  assertEquals(Object.keys(optimizer.paramStates), ["embed"]);
  optimizer.step({ head: like(0.25) });
  await assertClose(tied, [0.75]);
}, { only: ["cpu"] });

onEachBackend("any record of states will do", async () => {
  const running = scope(() => new BatchState(tf.tensor1d([1])));
  using optimizer = new optim.SGD({ lr: 1 }).registerTrainableWeights({
    running,
  });
  optimizer.step({ running: like(0.5) });
  assertEquals(await numbers(running.value), [0.5]);
}, { only: ["cpu"] });

onEachBackend(
  "groups have rates, options and algorithms of their own",
  async () => {
    const [a, b, c, d] = [param(1), param(1), param(1), param(1)];
    using optimizer = new optim.SGD({ lr: 0.1, momentum: 0.9 })
      .registerTrainableWeights({ a })
      .addParamGroup({ b }, { lr: 0.2 })
      .addParamGroup({ c }, { weightDecay: 1, momentum: 0 })
      .addParamGroup({ d }, { tx: optim.lion(), lr: 0.01 });
    for (let i = 0; i < 2; i++) {
      optimizer.step({ a: like(1), b: like(1), c: like(1), d: like(5) });
    }
    await assertClose(a, [1 - 0.1 * 2.9]);
    await assertClose(b, [1 - 0.2 * 2.9]); // still momentum, not Adam
    await assertClose(c, [0.62]); // 1 → 1 - 0.1 (1 + 1) → 0.8 - 0.1 (1 + 0.8)
    await assertClose(d, [0.98]);
    assertEquals(optimizer.paramGroups.map(({ lr }) => lr), [
      0.1,
      0.2,
      0.1,
      0.01,
    ]);
    assertEquals(Object.keys(optimizer.paramGroups[1]!.params), ["b"]);
  },
);

onEachBackend("a group is refused where it cannot be", () => {
  const [a, b] = [param(1), param(1)];
  const optimizer = new optim.AdamW();
  assertThrows(() => optimizer.addParamGroup({ a }), Error, "first");
  optimizer.registerTrainableWeights({ a });
  assertThrows(
    () => optimizer.addParamGroup({ other: a }),
    RangeError,
    'a parameter must be in one group: "other" is "a" of group 0',
  );
  assertThrows(
    () => optimizer.addParamGroup({ b }, { betas: [2, 0.9] }),
    RangeError,
    "betas[0]",
  );
  assertThrows(
    () => optimizer.addParamGroup({ b }, { tx: optim.sgd(), eps: 1 }),
    TypeError,
    "eps must be part of tx",
  );
  assertEquals(optimizer.paramGroups.length, 1);
  assertThrows(
    () => new optim.Optimizer({ tx: optim.sgd(), weightDecay: 1 }),
    TypeError,
    "weightDecay must be part of tx",
  );
}, { only: ["cpu"] });

for (const other of ["SGD", "SM3"] as const) {
  onEachBackend(
    `the norm that clips is of all groups together, also with ${other}`,
    async () => {
      const a = param(0), b = param(0);
      const tx = other === "SGD"
        ? optim.sgd()
        : optim.sm3({ momentum: 0, eps: 1 });
      using optimizer = new optim.SGD({ lr: 1, gradClipNorm: 1 })
        .registerTrainableWeights({ a }).addParamGroup({ b }, { tx });
      optimizer.step({ a: like(30), b: like(40) });
      await assertClose(a, [-0.6]);
      // SM3 of 0.8: 0.8 / √(0.64 + 1)
      await assertClose(b, [other === "SGD" ? -0.8 : -0.8 / Math.sqrt(1.64)]);
    },
  );
}

onEachBackend("a norm clips before a value", async () => {
  const w = param(0, 0);
  using optimizer = new optim.SGD({
    lr: 1,
    gradClipNorm: 1,
    gradClipValue: 0.7,
  })
    .registerTrainableWeights({ w });
  optimizer.step({ w: like(3, 4) });
  await assertClose(w, [-0.6, -0.7]);
});

onEachBackend(
  "decay is coupled or decoupled, and limited by a mask",
  async () => {
    // Coupled, the first step of Adam is lr · sign; decoupled it adds lr · λ θ.
    const cases: [optim.Optimizer<optim.OptimizerOptions>, number, number][] = [
      [new optim.Adam({ lr: 0.1, weightDecay: 0.5 }), 1.9, 0.9],
      [new optim.AdamW({ lr: 0.1, weightDecay: 0.5 }), 1.8, 0.85],
      [
        new optim.AdamW({ lr: 0.1, weightDecay: 0.5, decayMask: /kernel$/ }),
        1.8,
        0.9,
      ],
      [
        new optim.AdamW({
          lr: 0.1,
          weightDecay: 0.5,
          decayMask: optim.isMatrix,
        }),
        1.9,
        0.9,
      ],
    ];
    for (const [optimizer, kernelEnd, biasEnd] of cases) {
      const kernel = param(2), bias = param(1);
      optimizer.registerTrainableWeights({
        "a.kernel": kernel,
        "a.bias": bias,
      });
      optimizer.step({ "a.kernel": like(1), "a.bias": like(1) });
      await assertClose(kernel, [kernelEnd]);
      await assertClose(bias, [biasEnd]);
      optimizer.dispose();
    }
  },
);

/** The rate that a step applies, seen from outside. */
async function applied(
  optimizer: optim.Optimizer<optim.OptimizerOptions>,
  w: ParamState,
): Promise<number> {
  const [before] = await numbers(w.value);
  optimizer.step({ w: like(1) });
  const [after] = await numbers(w.value);
  return before! - after!;
}

onEachBackend("currentLr is the rate that the next step applies", async () => {
  const w = param(1), v = param(1);
  const scheduler = new optim.StepLR({ baseLr: 0.4, stepSize: 2, gamma: 0.5 });
  using optimizer = new optim.SGD({ lr: scheduler })
    .registerTrainableWeights({ w }).addParamGroup({ v }, { lr: 0.04 });
  assertStrictEquals(optimizer.lr, scheduler);
  assertStrictEquals(optimizer.lrScheduler, scheduler);
  assertEquals([optimizer.baseLr, optimizer.getLastLr()], [0.4, [0.4, 0.04]]);
  for (const lr of [0.4, 0.4, 0.2, 0.2, 0.1]) {
    assertAlmostEquals(optimizer.currentLr, lr, 1e-12);
    assertAlmostEquals(optimizer.paramGroups[1]!.lr, lr / 10, 1e-12);
    assertAlmostEquals(await applied(optimizer, w), lr, 1e-6);
    scheduler.step();
  }
  assertAlmostEquals(optimizer.getLastLr()[1]!, 0.01, 1e-12);

  optimizer.currentLr = 0.3;
  assertEquals(optimizer.paramGroups.map(({ lr }) => lr), [0.3, 0.3]);
  assertAlmostEquals(await applied(optimizer, w), 0.3, 1e-6);
  optimizer.lrApply((lr) => lr / 3);
  assertAlmostEquals(await applied(optimizer, w), 0.1, 1e-6);
  scheduler.step(); // epoch 6
  assertAlmostEquals(await applied(optimizer, w), 0.05, 1e-6);
}, { only: ["cpu"] });

onEachBackend("a function of the step advances by itself", async () => {
  const w = param(1);
  using optimizer = new optim.SGD({ lr: (step) => 0.1 * (step + 1) })
    .registerTrainableWeights({ w });
  for (const lr of [0.1, 0.2, 0.3]) {
    assertAlmostEquals(optimizer.currentLr, lr, 1e-12);
    assertAlmostEquals(await applied(optimizer, w), lr, 1e-6);
    optimizer.lrScheduler.step(); // does no harm
  }
}, { only: ["cpu"] });

onEachBackend("a scheduler added multiplies the first", async () => {
  const w = param(1);
  const decay = new optim.ExponentialLR({ baseLr: 1, gamma: 0.5 });
  using optimizer = new optim.SGD({ lr: 0.2 }).registerTrainableWeights({ w })
    .addScheduler(decay);
  assertEquals(optimizer.schedulers.length, 2);
  assertAlmostEquals(await applied(optimizer, w), 0.2, 1e-6);
  decay.step();
  assertAlmostEquals(await applied(optimizer, w), 0.1, 1e-6);
  optimizer.currentLr = 0.3;
  assertAlmostEquals(await applied(optimizer, w), 0.3, 1e-6);
}, { only: ["cpu"] });

onEachBackend("a group can have a scheduler of its own", async () => {
  const w = param(1), v = param(1);
  const own = new optim.ExponentialLR({ baseLr: 1, gamma: 0.5 });
  using optimizer = new optim.SGD({ lr: 0.1 })
    .registerTrainableWeights({ w }).addParamGroup({ v }, { lr: own });
  own.step();
  optimizer.step({ w: like(1), v: like(1) });
  await assertClose(w, [0.9]);
  await assertClose(v, [0.5]);
}, { only: ["cpu"] });

onEachBackend("every class obeys a rate that changes", async () => {
  const classes = {
    Rprop: new optim.Rprop({ lr: 0.1 }),
    Fromage: new optim.Fromage({ lr: 0.1 }),
    Lookahead: new optim.Lookahead({
      baseOptimizer: new optim.SGD({ lr: 0.1 }),
    }),
    LBFGS: new optim.LBFGS({ lr: 0.1 }),
    Adafactor: new optim.Adafactor({ lr: 0.1 }),
    "Adafactor without lr": new optim.Adafactor(),
  };
  for (const [name, optimizer] of Object.entries(classes)) {
    const w = param(1);
    optimizer.registerTrainableWeights({ w });
    optimizer.currentLr = 0;
    optimizer.step({ w: like(1) });
    assertEquals(await numbers(w.value), [1], name);
    optimizer.dispose();
  }
}, { only: ["cpu"] });

onEachBackend(
  "a state of another kind is refused, and changes nothing",
  async () => {
    const w = param(1);
    using adam = new optim.Adam().registerTrainableWeights({ w });
    using sgd = new optim.Momentum().registerTrainableWeights({ v: param(1) });
    adam.step({ w: like(1) });
    const state = adam.stateDict(), other = sgd.stateDict();
    const load = (state: unknown) => () =>
      adam.loadStateDict(state as optim.OptimizerState);
    assertThrows(
      load(other),
      RangeError,
      "Cannot load Adam: steps must be those",
    );
    assertThrows(load({}), TypeError, "as stateDict() gives it");
    assertThrows(load(null), TypeError, "Cannot load Adam");
    assertThrows(load({ ...state, stepCount: -1 }), RangeError, "stepCount");
    assertThrows(
      load({ ...state, steps: { w: 0.5 } }),
      RangeError,
      "step count",
    );
    assertThrows(load({ ...state, schedulers: [] }), RangeError, "schedulers");
    assertThrows(load({ ...state, groups: [[], ["w"]] }), RangeError, "groups");
    const wide = { ...state.slots, m: { w: like(1, 2) } };
    assertThrows(
      load({ ...state, slots: wide }),
      RangeError,
      'slot "m" of "w" must be a float32 tensor of shape [1]',
    );
    assertEquals(adam.optState.steps, { w: 1 });
    const values = await numbers(adam.optState.slots["m"]!["w"]!);
    assertAlmostEquals(values[0]!, 0.1, 1e-6);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "disposing frees the slots and leaves the parameters",
  async () => {
    const w = param(1, 2);
    await assertNoLeak(() => {
      const optimizer = new optim.Adam().registerTrainableWeights({ w });
      optimizer.step({ w: like(1, 1) });
      optimizer.dispose();
    });
    assertEquals(w.isDisposed, false);
  },
);

onEachBackend("a step of Adam with clipping is at most two submits", () => {
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  const submit = device.queue.submit.bind(device.queue);
  let submits = 0;
  device.queue.submit = (buffers) => (submits++, submit(buffers));
  try {
    const params = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`w${i}`, param(1, 2, 3)]),
    );
    using optimizer = new optim.AdamW({ gradClipNorm: 1 })
      .registerTrainableWeights(params);
    for (let step = 0; step < 3; step++) {
      const grads = Object.fromEntries(
        Object.keys(params).map((path) => [path, like(1, 1, 1)]),
      );
      submits = 0;
      optimizer.step(grads);
      assert(submits <= 2, `${submits} submits`);
    }
  } finally {
    device.queue.submit = submit;
  }
}, { only: ["webgpu"] });
