import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialDecayLR,
  ExponentialLR,
  InverseSqrtLR,
  LinearLR,
  type LRScheduler,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  StepLR,
  WarmupCosineSchedule,
  WarmupScheduler,
  WSDSchedule,
} from "../../optim/schedulers/mod.ts";
import { all, compositions, singles } from "./_schedulers.ts";

/** Numbers in [0, 1) that are the same in every run. */
function generator(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

/** Random settings, and where the schedule rises, falls and ends. */
interface Shape {
  readonly scheduler: LRScheduler;
  /** Rises up to here, falls from here on. */
  readonly top: number;
  readonly min: number;
  readonly max: number;
  /** The greatest change from one epoch to the next; none for steps. */
  readonly slope?: number;
  /** The rate at the end. */
  readonly last?: number;
}

const END = 600;

const shapes: Record<string, (random: () => number) => Shape> = {
  StepLR: (random) => {
    const baseLr = random(), stepSize = count(random), gamma = random();
    const scheduler = new StepLR({ baseLr, stepSize, gamma });
    return { scheduler, top: 0, min: 0, max: baseLr };
  },
  ExponentialLR: (random) => {
    const baseLr = random(), gamma = 0.9 + 0.1 * random();
    const scheduler = new ExponentialLR({ baseLr, gamma });
    return { scheduler, top: 0, min: 0, max: baseLr, slope: 0.1 * baseLr };
  },
  ExponentialDecayLR: (random) => {
    const baseLr = random(), endValue = baseLr * random();
    const scheduler = new ExponentialDecayLR({
      baseLr,
      endValue,
      decayRate: random(),
      decaySteps: count(random),
      transitionBegin: count(random),
    });
    return { scheduler, top: 0, min: endValue, max: baseLr };
  },
  CosineAnnealingLR: (random) => {
    const baseLr = random(), etaMin = baseLr * random(), tMax = count(random);
    const slope = (Math.PI / 2) * (baseLr - etaMin) / tMax;
    const scheduler = new CosineAnnealingLR({ baseLr, etaMin, tMax });
    return { scheduler, top: 0, min: etaMin, max: baseLr, slope, last: etaMin };
  },
  PolynomialLR: (random) => {
    const baseLr = random(), totalIters = count(random), power = 1 + random();
    const slope = power * baseLr / totalIters;
    const scheduler = new PolynomialLR({ baseLr, totalIters, power });
    return { scheduler, top: 0, min: 0, max: baseLr, slope, last: 0 };
  },
  LinearLR: (random) => {
    const baseLr = random(), startFactor = random(), totalIters = count(random);
    const slope = (1 - startFactor) * baseLr / totalIters;
    const scheduler = new LinearLR({ baseLr, startFactor, totalIters });
    const min = startFactor * baseLr;
    return { scheduler, top: END, min, max: baseLr, slope, last: baseLr };
  },
  ConstantLR: (random) => {
    const baseLr = random(), factor = random(), totalIters = count(random);
    const scheduler = new ConstantLR({ baseLr, factor, totalIters });
    const min = factor * baseLr;
    return { scheduler, top: END, min, max: baseLr, last: baseLr };
  },
  WarmupScheduler: (random) => {
    const baseLr = random(), warmupEpochs = count(random);
    const min = baseLr * random(), slope = (baseLr - min) / warmupEpochs;
    const warmup = { baseLr, warmupEpochs, warmupStartLr: min };
    const scheduler = new WarmupScheduler(warmup);
    return { scheduler, top: END, min, max: baseLr, slope, last: baseLr };
  },
  WarmupCosineSchedule: (random) => {
    const baseLr = random(), warmupSteps = count(random);
    const rest = count(random), totalSteps = warmupSteps + rest;
    const scheduler = new WarmupCosineSchedule({
      baseLr,
      warmupSteps,
      totalSteps,
    });
    const slope = baseLr * Math.max(1 / warmupSteps, Math.PI / 2 / rest);
    const top = warmupSteps;
    return { scheduler, top, min: 0, max: baseLr, slope, last: 0 };
  },
  InverseSqrtLR: (random) => {
    const baseLr = random(), warmupSteps = count(random);
    const scheduler = new InverseSqrtLR({ baseLr, warmupSteps });
    const slope = baseLr / warmupSteps;
    return { scheduler, top: warmupSteps, min: 0, max: baseLr, slope };
  },
  WSDSchedule: (random) => {
    const baseLr = random(), etaMin = baseLr * random();
    const [warmupSteps, decaySteps] = [count(random), count(random)];
    const scheduler = new WSDSchedule({
      baseLr,
      warmupSteps,
      decaySteps,
      totalSteps: warmupSteps + decaySteps + count(random),
      etaMin,
      decay:
        (["linear", "cosine", "1-sqrt"] as const)[Math.floor(3 * random())],
    });
    return { scheduler, top: warmupSteps, min: 0, max: baseLr, last: etaMin };
  },
  OneCycleLR: (random) => {
    const maxLr = random(), totalSteps = 2 + count(random);
    const pctStart = 0.1 + 0.8 * random(), divFactor = 1 + 20 * random();
    const finalDivFactor = 1 + 1e3 * random();
    const annealStrategy = random() < 0.5 ? "cos" : "linear";
    const scheduler = new OneCycleLR({
      maxLr,
      totalSteps,
      pctStart,
      annealStrategy,
      divFactor,
      finalDivFactor,
    });
    const min = maxLr / divFactor / finalDivFactor;
    const top = Math.max(0, pctStart * totalSteps - 1);
    return { scheduler, top, min, max: maxLr, last: min };
  },
};

/** An integer from 1 to 100. */
function count(random: () => number): number {
  return 1 + Math.floor(100 * random());
}

for (const [name, make] of Object.entries(shapes)) {
  Deno.test(`${name} has its shape, with any settings`, () => {
    const random = generator(7);
    for (let trial = 0; trial < 100; trial++) {
      const { scheduler, top, min, max, slope, last } = make(random);
      const tiny = 1e-14;
      let before = scheduler.lrAt(0);
      for (let epoch = 1; epoch <= END; epoch++) {
        const lr = scheduler.lrAt(epoch);
        const between = scheduler.lrAt(epoch - 0.5);
        assert(lr >= min - tiny && lr <= max + tiny, `${lr} at ${epoch}`);
        if (epoch <= top) assert(lr >= before - tiny, `falls at ${epoch}`);
        if (epoch - 1 >= top) {
          assert(lr <= before + tiny, `rises at ${epoch}`);
          assert(between <= before + tiny && between >= lr - tiny);
        }
        if (slope !== undefined) {
          assert(Math.abs(lr - before) <= slope + tiny, `jumps at ${epoch}`);
        }
        before = lr;
      }
      if (last !== undefined) assertAlmostEquals(before, last, tiny);
    }
  });
}

Deno.test("schedules of factors scale with the base rate", () => {
  const own = new Set([
    "ExponentialDecayLR", // endValue
    "CosineAnnealingLR", // etaMin
    "CosineAnnealingWarmRestarts", // etaMin
    "PiecewiseConstantSchedule",
  ]);
  for (const [name, make] of Object.entries(singles)) {
    if (own.has(name)) continue;
    const scheduler = make();
    for (let e = 0; e < 200; e += 7) {
      const lr = scheduler.lrAt(e, 0.1);
      assertAlmostEquals(scheduler.lrAt(e, 0.3), 3 * lr, 1e-15, name);
    }
  }
});

Deno.test("warm restarts begin at the base rate, each time later", () => {
  for (const tMult of [1, 2, 3]) {
    const options = { baseLr: 0.3, t0: 4, tMult, etaMin: 0.1 };
    const scheduler = new CosineAnnealingWarmRestarts(options);
    let [start, length] = [0, 4];
    while (start < 1000) {
      assertEquals(scheduler.lrAt(start), 0.3);
      const end = scheduler.lrAt(start + length - 1e-9);
      assertAlmostEquals(end, 0.1, 1e-12);
      start += length;
      length *= tMult;
    }
  }
});

Deno.test("CyclicLR is at its base rate and at its top once a cycle", () => {
  for (const [up, down] of [[5, 5], [3, 11], [11, 3], [1, 1]] as const) {
    const scheduler = new CyclicLR({
      baseLr: 0.1,
      maxLr: 0.7,
      stepSizeUp: up,
      stepSizeDown: down,
    });
    for (let cycle = 0; cycle < 20; cycle++) {
      const start = cycle * (up + down);
      assertEquals(scheduler.lrAt(start), 0.1);
      assertAlmostEquals(scheduler.lrAt(start + up), 0.7, 1e-15);
    }
  }
});

Deno.test("OneCycleLR starts, peaks and ends where its options say", () => {
  const torch = new OneCycleLR({ maxLr: 1, totalSteps: 101, pctStart: 0.5 });
  // 0.5 · 101 - 1 is between two steps.
  assertAlmostEquals(torch.lrAt(0), 1 / 25, 1e-16);
  assertAlmostEquals(torch.lrAt(49.5), 1, 1e-15);
  assertAlmostEquals(torch.lrAt(100), 4e-6, 1e-18);
  assertEquals(torch.lrAt(1e9), torch.lrAt(100));
  const braintools = new OneCycleLR({
    maxLr: 1,
    epochs: 10,
    stepsPerEpoch: 10,
    variant: "braintools",
  });
  assertEquals(braintools.lrAt(30), 1);
  assertAlmostEquals(braintools.lrAt(100), 1e-4, 1e-18);
  // So short that the rise has no room.
  for (let totalSteps = 1; totalSteps < 8; totalSteps++) {
    const short = new OneCycleLR({ maxLr: 1, totalSteps });
    for (let e = 0; e < 10; e++) assert(short.lrAt(e) <= 1);
    assertAlmostEquals(short.lrAt(totalSteps), 4e-6, 1e-18);
  }
});

Deno.test("a plateau never raises the rate, nor goes below minLr", () => {
  const random = generator(3);
  for (let trial = 0; trial < 50; trial++) {
    const minLr = 0.05 * random();
    const scheduler = new ReduceLROnPlateau({
      baseLr: 1,
      factor: 0.5 * random(),
      patience: Math.floor(5 * random()),
      cooldown: Math.floor(5 * random()),
      minLr,
    });
    let before = 1;
    for (let e = 0; e < 200; e++) {
      scheduler.step(random());
      const lr = scheduler.currentLrs[0]!;
      assert(lr <= before && lr >= minLr);
      before = lr;
    }
    assertAlmostEquals(before, minLr, 1e-7);
  }
});

Deno.test("every scheduler works at an epoch far away", () => {
  for (const [name, make] of Object.entries(all)) {
    if (name.includes("Multiplicative") || name.includes("of Chained")) {
      continue;
    }
    const lr = make().lrAt(1e9);
    assert(Number.isFinite(lr) && lr >= 0, `${name}: ${lr}`);
  }
});

Deno.test("asking a composition changes nothing in it", () => {
  for (const [name, make] of Object.entries(compositions)) {
    const scheduler = make();
    const before = scheduler.stateDict();
    for (let e = 300; e >= 0; e--) scheduler.lrAt(e);
    assertEquals(scheduler.stateDict(), before, name);
  }
});
