import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import {
  ChainedScheduler,
  ConstantLR,
  CyclicLR,
  ExponentialDecayLR,
  ExponentialLR,
  LambdaLR,
  type LRScheduler,
  MultiplicativeLR,
  OneCycleLR,
  PiecewiseConstantSchedule,
  ReduceLROnPlateau,
  SequentialLR,
  StepLR,
  toScheduler,
  WarmupScheduler,
} from "../../optim/schedulers/mod.ts";
import { advance, all, build, golden, singles } from "./_schedulers.ts";

for (const [i, reference] of golden.cases.entries()) {
  const { class: name, options, source } = reference;
  Deno.test(`${name} has the rates of its ${source} table (case ${i})`, () => {
    const scheduler = build(reference);
    const tops = options.maxLr as number | readonly number[] | undefined;
    for (const [epoch, rates] of reference.rates.entries()) {
      while (reference.metrics && scheduler.lastEpoch < epoch) {
        scheduler.step(golden[reference.metrics][scheduler.lastEpoch]!);
      }
      const expected = [rates].flat() as number[];
      assertEquals(scheduler.baseLrs.length, expected.length);
      for (const [group, lr] of expected.entries()) {
        // A cycle has the scale of its top.
        const scale = ([tops ?? scheduler.baseLrs].flat() as number[])[group]!;
        assertAlmostEquals(
          scheduler.lrAt(epoch, undefined, group),
          lr,
          1e-12 * scale,
          `group ${group} at epoch ${epoch}`,
        );
      }
    }
  });
}

Deno.test("every scheduler has three tables", () => {
  for (
    const name of [...Object.keys(singles), "ChainedScheduler", "SequentialLR"]
  ) {
    if (name.includes(" of ")) continue;
    const tables = golden.cases.filter((reference) => reference.class === name);
    assert(tables.length >= 3, `${name} has ${tables.length}`);
  }
});

for (const [name, make] of Object.entries(all)) {
  Deno.test(`${name}: lrAt(e) is the rate after e steps`, () => {
    const stepped = make();
    const rates: number[][] = [];
    for (let e = 0; e < 1000; e++) {
      assertEquals(stepped.lastEpoch, e);
      assertEquals(stepped.currentLrs, stepped.getLr());
      assertEquals(stepped.getLastLr(), stepped.getLr());
      rates.push(stepped.getLr());
      advance(stepped);
    }
    // What takes metrics knows them once they have been replayed.
    const asked = stepped.takesMetric ? stepped : make();
    for (let i = 0; i < 1000; i++) {
      const e = (i * 617) % 1000; // every epoch, in no order
      const lrs = [0, 1].map((group) => asked.lrAt(e, undefined, group));
      assertEquals(lrs, rates[e], `epoch ${e}`);
    }
  });

  Deno.test(`${name}: step(e) is e steps, and a scheduler may start there`, () => {
    const stepped = make();
    if (stepped.takesMetric) return;
    for (let e = 0; e < 77; e++) stepped.step();
    const jumped = make();
    jumped.step(200);
    jumped.step(77);
    assertEquals(jumped.getLr(), stepped.getLr());
    assertEquals(jumped.stateDict(), stepped.stateDict());
  });

  Deno.test(`${name} continues after save and load as without`, () => {
    for (const stop of [0, 1, 46, 93, 141]) {
      const whole = make();
      while (whole.lastEpoch < stop) advance(whole);
      const saved = JSON.parse(JSON.stringify(whole.stateDict()));
      assertEquals(saved, whole.stateDict(), "the state is plain data");
      const resumed = make();
      advance(resumed); // to be forgotten
      resumed.loadStateDict(saved);
      assertEquals(resumed.currentLrs, whole.currentLrs);
      for (let e = 0; e < 200; e++) {
        advance(whole);
        advance(resumed);
        assertEquals(resumed.currentLrs, whole.currentLrs);
      }
      assertEquals(resumed.stateDict(), whole.stateDict());
    }
  });

  Deno.test(`${name} refuses a bad state, and is unchanged`, () => {
    const scheduler = make();
    for (let e = 0; e < 50; e++) advance(scheduler);
    const before = scheduler.stateDict();
    for (const key of Object.keys(before)) {
      for (const value of ["1", undefined, -1, [], [-1], NaN, {}]) {
        // deno-lint-ignore no-explicit-any
        const bad = { ...before, [key]: value } as any;
        if (key === "cuts" && Array.isArray(value) && !value.length) continue;
        if (key === "best" && value === -1) continue;
        assertThrows(() => scheduler.loadStateDict(bad), Error, "Cannot load");
        assertEquals(scheduler.stateDict(), before);
      }
    }
  });

  Deno.test(`${name}: a group without a base rate has that of the last`, () => {
    const scheduler = make();
    if (name.includes("Piecewise") || name.includes("absolute")) return;
    scheduler.setBaseLr(3);
    assertEquals(scheduler.baseLrs.length, 4);
    for (let e = 0; e < 100; e++) {
      const lrs = scheduler.currentLrs;
      assertEquals(lrs[3], lrs[2]);
      advance(scheduler);
    }
  });
}

Deno.test("a plateau resumes in the middle of its patience", () => {
  const make = () => new ReduceLROnPlateau({ baseLr: 1, patience: 3 });
  const whole = make();
  for (const metric of [1, 2, 2]) whole.step(metric);
  assertEquals(whole.numBadEpochs, 2);
  const resumed = make();
  resumed.loadStateDict(whole.stateDict());
  assertEquals([resumed.best, resumed.numBadEpochs], [1, 2]);
  resumed.step(2);
  assertEquals(resumed.currentLrs, [1]);
  resumed.step(2); // the fourth bad one
  assertEquals(resumed.currentLrs, [0.1]);
});

Deno.test("a plateau resumes in the middle of its cooldown", () => {
  const options = { baseLr: 1, patience: 0, cooldown: 2, factor: 0.5 };
  const whole = new ReduceLROnPlateau(options);
  for (const metric of [1, 2, 2]) whole.step(metric);
  assertEquals(whole.cooldownCounter, 1);
  const resumed = new ReduceLROnPlateau(options);
  resumed.loadStateDict(whole.stateDict());
  for (const metric of [2, 2]) resumed.step(metric);
  assertEquals(resumed.currentLrs, [0.25]);
});

Deno.test("a plateau never takes a metric that is not finite for better", () => {
  const scheduler = new ReduceLROnPlateau({ baseLr: 1, patience: 1 });
  scheduler.step(5);
  scheduler.step(-Infinity);
  scheduler.step(NaN);
  assertEquals(scheduler.best, 5);
  assertEquals(scheduler.currentLrs, [0.1]);
});

Deno.test("a plateau remembers no more cuts than can change a rate", () => {
  const scheduler = new ReduceLROnPlateau({ baseLr: 1, patience: 0 });
  for (let e = 0; e < 1000; e++) scheduler.step(1);
  assertEquals((scheduler.stateDict().cuts as number[]).length, 324);
});

Deno.test("a plateau cuts the rate of a group that comes late", () => {
  const scheduler = new ReduceLROnPlateau({ baseLr: 1e-8, patience: 0 });
  for (let e = 0; e < 3; e++) scheduler.step(1); // too small to be cut
  scheduler.setBaseLr(1, 1);
  assertEquals(scheduler.currentLrs, [1e-8, 0.1 * 0.1]);
});

Deno.test("a plateau's eps keeps a cut from being made", () => {
  const cut = (eps: number) => {
    const scheduler = new ReduceLROnPlateau({ baseLr: 1, patience: 0, eps });
    for (let e = 0; e < 2; e++) scheduler.step(1);
    return scheduler.currentLrs[0];
  };
  assertEquals([cut(0.5), cut(0.9), cut(0.95)], [0.1, 1, 1]);
});

Deno.test("a metric just at the threshold is not better for a plateau", () => {
  for (
    const [mode, thresholdMode, same, better] of [
      ["min", "rel", 1, 0.99],
      ["min", "abs", 1.5, 1.49],
      ["max", "rel", 3, 3.01],
      ["max", "abs", 2.5, 2.51],
    ] as const
  ) {
    const make = () =>
      new ReduceLROnPlateau({
        baseLr: 1,
        patience: 0,
        threshold: 0.5,
        mode,
        thresholdMode,
      });
    const [equal, past] = [make(), make()];
    for (const metric of [2, same]) equal.step(metric);
    for (const metric of [2, better]) past.step(metric);
    assertEquals([equal.currentLrs, past.currentLrs], [[0.1], [1]], mode);
  }
});

Deno.test("a plateau can cut to 0, and twice at one epoch", () => {
  const off = new ReduceLROnPlateau({ baseLr: 1, patience: 0, factor: 0 });
  for (let e = 0; e < 2; e++) off.step(1);
  assertEquals(off.currentLrs, [0]);
  const twice = new ReduceLROnPlateau({ baseLr: 1, patience: 0, factor: 0.5 });
  for (let i = 0; i < 3; i++) twice.step(1, 7);
  assertEquals([twice.lastEpoch, twice.lrAt(7)], [7, 0.25]);
});

Deno.test("a plateau goes forward to an epoch, not back", () => {
  const scheduler = new ReduceLROnPlateau({ baseLr: 1, patience: 0 });
  scheduler.step(1, 10);
  scheduler.step(1, 20);
  assertEquals([scheduler.lrAt(19), scheduler.lrAt(20)], [1, 0.1]);
  assertThrows(() => scheduler.step(1, 5), RangeError, "lastEpoch (20)");
  assertEquals(scheduler.lastEpoch, 20);
});

Deno.test("a combination with a plateau takes a metric", () => {
  const plateau = () => new ReduceLROnPlateau();
  const nested = new ChainedScheduler({
    schedulers: [
      new ConstantLR(),
      new SequentialLR({
        schedulers: [new ConstantLR(), plateau()],
        milestones: [5],
      }),
    ],
  });
  for (const scheduler of [plateau(), nested]) {
    assert(scheduler.takesMetric);
    assertThrows(
      () => (scheduler as LRScheduler).step(),
      TypeError,
      "metric must be a number: current value is undefined",
    );
    assertEquals(scheduler.lastEpoch, 0);
  }
});

Deno.test("SequentialLR passes metrics to the plateau of the present epoch", () => {
  const plateau = new ReduceLROnPlateau({ baseLr: 1, patience: 1 });
  const scheduler = new SequentialLR({
    schedulers: [new WarmupScheduler({ baseLr: 1, warmupEpochs: 3 }), plateau],
    milestones: [3],
  });
  for (const metric of [1, 2, 3]) scheduler.step(metric);
  assertEquals([plateau.lastEpoch, plateau.best], [0, null]);
  for (const metric of [4, 4, 4]) scheduler.step(metric);
  assertEquals([plateau.lastEpoch, plateau.best], [3, 4]);
  assertEquals(scheduler.currentLrs, [0.1]);
});

Deno.test("ChainedScheduler multiplies the first by the factors of the others", () => {
  const scheduler = new ChainedScheduler({
    schedulers: [
      new StepLR({ baseLr: [1, 0.5], stepSize: 2, gamma: 0.5 }),
      new ExponentialLR({ baseLr: 7, gamma: 0.5 }),
      new ConstantLR({ baseLr: 3, factor: 0.1, totalIters: 1 }),
    ],
  });
  assertEquals(scheduler.baseLrs, [1, 0.5]);
  assertAlmostEquals(scheduler.lrAt(0), 0.1, 1e-16);
  assertEquals(scheduler.lrAt(1), 0.5);
  assertEquals(scheduler.lrAt(2, undefined, 1), 0.5 * 0.5 * 0.25);
  const zero = new ConstantLR({ baseLr: 0 });
  const off = new ChainedScheduler({ schedulers: [new ConstantLR(), zero] });
  assertEquals(off.lrAt(3), 0);
});

Deno.test("the base rate of a group scales a composition and its parts", () => {
  const scheduler = new SequentialLR({
    schedulers: [
      new WarmupScheduler({ baseLr: 1, warmupEpochs: 4 }),
      new OneCycleLR({ maxLr: 2, totalSteps: 10 }),
    ],
    milestones: [4],
  });
  scheduler.setBaseLr(1, 0.5);
  for (let e = 0; e < 20; e++) {
    const [whole, half] = scheduler.currentLrs;
    assertAlmostEquals(half!, whole! / 2, 1e-15);
    scheduler.step();
  }
});

Deno.test("absolute rates refuse a base rate of a group's own, in compositions too", () => {
  const flat = () =>
    new PiecewiseConstantSchedule({ boundaries: [5], values: [1, 0.5] });
  const sequence = new SequentialLR({
    schedulers: [new ConstantLR(), flat()],
    milestones: [5],
  });
  for (const scheduler of [flat(), sequence]) {
    scheduler.setBaseLr(1);
    assertThrows(
      () => scheduler.setBaseLr(1, 0.3),
      RangeError,
      "baseLr must be left out for group 1",
    );
    assertEquals(scheduler.baseLrs.length, 2);
  }
  const lists = new PiecewiseConstantSchedule({
    boundaries: [5],
    values: [[1, 0.5], [0.1, 0.05]],
  });
  assertEquals(lists.getLr(), [1, 0.1]);
  assertThrows(
    () => lists.setBaseLr(2),
    RangeError,
    "group must be one with a list of values (there are 2): current value is 2",
  );
});

Deno.test("apply() changes the rates and scales those that follow, and is saved", () => {
  const make = () => new ExponentialLR({ baseLr: [1, 0.5], gamma: 0.5 });
  const scheduler = make();
  scheduler.step();
  scheduler.apply((lr) => lr * 0.1);
  scheduler.apply((lr, group) => lr + group);
  assertEquals(scheduler.currentLrs, [0.05, 1.025]);
  assertEquals(scheduler.getLr(), [0.5, 0.25]);
  const resumed = make();
  resumed.loadStateDict(scheduler.stateDict());
  assertEquals(resumed.currentLrs, [0.05, 1.025]);
  scheduler.setBaseLr(2, 4); // the others keep what was applied
  assertEquals(scheduler.currentLrs, [0.05, 1.025, 2]);
  scheduler.step();
  resumed.step();
  assertEquals(scheduler.currentLrs, [0.025, 0.5125, 1]);
  assertEquals(resumed.currentLrs, [0.025, 0.5125]);
  assertThrows(() => scheduler.apply(() => -1), RangeError, "result[0]");
  assertEquals(scheduler.currentLrs, [0.025, 0.5125, 1]);
  scheduler.apply((_, group) => scheduler.getLr()[group]!);
  assertEquals(scheduler.stateDict().appliedLrs, null);
});

Deno.test("schedulers copy lists that they take and return", () => {
  const baseLr = [1, 2];
  const scheduler = new StepLR({ baseLr });
  baseLr[0] = 9;
  (scheduler.stateDict().baseLrs as number[])[0] = 9;
  scheduler.getLastLr()[0] = 9;
  assertEquals(scheduler.baseLrs, [1, 2]);
  assertEquals(scheduler.currentLrs, [1, 2]);
});

Deno.test("toScheduler() takes a number, a function and a scheduler", () => {
  const constant = toScheduler(0.3);
  constant.step(1e6);
  assertEquals(constant.currentLrs, [0.3]);
  assertEquals(toScheduler((step) => step / 10).lrAt(3), 0.3);
  assertEquals(toScheduler(constant), constant);
  assertThrows(
    // deno-lint-ignore no-explicit-any
    () => toScheduler("0.1" as any),
    TypeError,
    'lr must be a number, a scheduler or a function: current value is "0.1"',
  );
  assertThrows(() => toScheduler(-0.1), RangeError, "lr must be");
});

Deno.test("a function that returns no rate is refused when called", () => {
  for (const value of [NaN, -1, Infinity]) {
    const scheduler = new LambdaLR({
      baseLr: 1,
      lrLambda: (e) => e < 2 ? 1 : value,
    });
    scheduler.step();
    assertThrows(
      () => scheduler.step(),
      RangeError,
      "the rate at epoch 2 must be a nonnegative finite number",
    );
    assertEquals(scheduler.lastEpoch, 1);
  }
});

Deno.test("MultiplicativeLR calls its function once a step", () => {
  let calls = 0;
  const scheduler = new MultiplicativeLR({
    baseLr: 1,
    lrLambda: () => (calls++, 0.999),
  });
  for (let e = 0; e < 1000; e++) scheduler.step();
  assertEquals(calls, 1000);
});

Deno.test("lrAt takes fractional epochs", () => {
  const lrLambda = (e: number) => 1 / (1 + e);
  const scheduler = new MultiplicativeLR({ baseLr: 1, lrLambda });
  assertEquals(scheduler.lrAt(2.5), scheduler.lrAt(2));
  assertEquals(new ExponentialLR({ baseLr: 1, gamma: 4 }).lrAt(0.5), 2);
});

Deno.test("CyclicLR keeps its top where its base rate is 0", () => {
  const scheduler = new CyclicLR({ baseLr: 0, maxLr: 1, stepSizeUp: 2 });
  scheduler.setBaseLr(1, 0.5);
  scheduler.step(2);
  assertEquals(scheduler.currentLrs, [1, 1]);
});

Deno.test("OneCycleLR starts at maxLr if no step is left to rise", () => {
  for (const variant of ["torch", "braintools"] as const) {
    const options = { maxLr: 1, totalSteps: 10, pctStart: 0.1, variant };
    const scheduler = new OneCycleLR(options);
    assertEquals(scheduler.lrAt(variant === "torch" ? 0 : 1), 1);
  }
});

Deno.test("ExponentialDecayLR with decayRate 1 is constant", () => {
  const options = { baseLr: 1, decayRate: 1, endValue: 2 };
  assertEquals(new ExponentialDecayLR(options).lrAt(5000), 1);
});

Deno.test("a state has to be an object", () => {
  for (const state of [undefined, null, "{}"]) {
    assertThrows(
      // deno-lint-ignore no-explicit-any
      () => new StepLR().loadStateDict(state as any),
      TypeError,
      "Cannot load StepLR: the state must be an object",
    );
  }
});

Deno.test("epochs have to be nonnegative finite numbers", () => {
  const scheduler = new StepLR();
  for (const epoch of [-1, NaN, Infinity]) {
    assertThrows(() => scheduler.lrAt(epoch), RangeError, "epoch");
    assertThrows(() => scheduler.step(epoch), RangeError, "epoch");
    assertThrows(
      () => new StepLR({ lastEpoch: epoch }),
      RangeError,
      "lastEpoch",
    );
  }
  assertEquals(scheduler.lastEpoch, 0);
});

Deno.test("a plateau at negative metrics cuts, with a margin of threshold · |best|", () => {
  const make = (options: object) =>
    new ReduceLROnPlateau({ baseLr: 1, patience: 2, ...options });
  const after = (scheduler: ReduceLROnPlateau, metrics: number[]) => {
    for (const metric of metrics) scheduler.step(metric);
    return scheduler.currentLrs[0]!;
  };
  for (const mode of ["min", "max"] as const) {
    for (const thresholdMode of ["rel", "abs"] as const) {
      for (const variant of [undefined, "braintools"] as const) {
        for (const level of [1, -1, -1e-3, -1e6, 0]) {
          const plateau = make({ mode, thresholdMode, variant });
          const lr = after(plateau, Array(20).fill(level));
          const shown = `${mode} ${thresholdMode} ${variant} ${level}: ${lr}`;
          assertAlmostEquals(lr, 1e-6, 1e-12, shown);
        }
      }
    }
  }
  // Equal metrics below 0 are better and better by torch's rule.
  assertEquals(after(make({ variant: "torch" }), Array(20).fill(-1)), 1);
  for (
    const [mode, thresholdMode, same, better] of [
      ["min", "rel", -3, -3.01],
      ["min", "abs", -2.5, -2.51],
      ["max", "rel", -1, -0.99],
      ["max", "abs", -1.5, -1.49],
    ] as const
  ) {
    const options = { patience: 0, threshold: 0.5, mode, thresholdMode };
    assertEquals(after(make(options), [-2, same]), 0.1, mode);
    assertEquals(after(make(options), [-2, better]), 1, mode);
  }
});
