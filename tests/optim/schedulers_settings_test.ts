import { assertEquals, assertThrows } from "@std/assert";
import * as schedulers from "../../optim/schedulers/mod.ts";
import {
  ChainedScheduler,
  ConstantLR,
  LRScheduler,
  ReduceLROnPlateau,
} from "../../optim/schedulers/mod.ts";

type Options = Record<string, unknown>;
type SchedulerClass = new (options?: Options) => LRScheduler;

/** A class by its name, for settings that its types refuse. */
function classOf(name: string): SchedulerClass {
  return (schedulers as unknown as Record<string, SchedulerClass>)[name]!;
}

const BASE = [
  "StepLR",
  "MultiStepLR",
  "ExponentialLR",
  "ExponentialDecayLR",
  "CosineAnnealingLR",
  "PolynomialLR",
  "WarmupScheduler",
  "CyclicLR",
  "ReduceLROnPlateau",
  "LinearLR",
  "ConstantLR",
  "CosineAnnealingWarmRestarts",
  "WarmupCosineSchedule",
  "PiecewiseConstantSchedule",
  "WSDSchedule",
  "InverseSqrtLR",
];

for (const name of BASE) {
  Deno.test(`${name} refuses bad base rates and epochs`, () => {
    for (
      const [options, error, message] of [
        [{ baseLr: -0.1 }, RangeError, "baseLr must be a nonnegative finite"],
        [{ baseLr: NaN }, RangeError, "current value is NaN"],
        [{ baseLr: Infinity }, RangeError, "current value is Infinity"],
        [{ baseLr: [1, -1] }, RangeError, "baseLr[1] must be"],
        [{ baseLr: [] }, RangeError, "baseLr must be a nonempty list"],
        [{ baseLr: "0.1" }, TypeError, 'current value is "0.1"'],
        [{ baseLr: null }, TypeError, "current value is null"],
        [{ lastEpoch: -1 }, RangeError, "lastEpoch must be"],
        [{ lastEpoch: "0" }, TypeError, "lastEpoch must be"],
      ] as const
    ) {
      const make = () => new (classOf(name))(options);
      const { message: whole } = assertThrows(make, error, message);
      assertEquals(whole.startsWith(`Cannot create ${name}: `), true, whole);
    }
  });
}

/** What is refused: class, options, and the words that say why. */
const BAD: readonly [string, Options, string][] = [
  ["StepLR", { stepSize: 0 }, "stepSize must be a positive integer"],
  ["StepLR", { stepSize: 1.5 }, "stepSize must be a positive integer"],
  ["StepLR", { gamma: -0.1 }, "gamma must be a nonnegative finite number"],
  [
    "MultiStepLR",
    { milestones: [5, 3] },
    "milestones must be sorted: current value is [5, 3]",
  ],
  ["MultiStepLR", { milestones: [-1] }, "milestones[0] must be a nonnegative"],
  ["MultiStepLR", { milestones: 5 }, "milestones must be a list"],
  ["MultiStepLR", { gamma: NaN }, "gamma must be"],
  ["ExponentialLR", { gamma: -1 }, "gamma must be"],
  ["ExponentialDecayLR", { decaySteps: 0 }, "decaySteps must be a positive"],
  ["ExponentialDecayLR", { decayRate: 0 }, "decayRate must be a positive"],
  ["ExponentialDecayLR", { decayRate: -1 }, "decayRate must be a positive"],
  ["ExponentialDecayLR", { transitionBegin: -1 }, "transitionBegin must be"],
  ["ExponentialDecayLR", { endValue: -1 }, "endValue must be"],
  ["CosineAnnealingLR", { tMax: 0 }, "tMax must be a positive integer"],
  ["CosineAnnealingLR", { etaMin: -1 }, "etaMin must be a nonnegative"],
  [
    "CosineAnnealingLR",
    { variant: "optax" },
    'variant must be one of "torch", "braintools": current value is "optax"',
  ],
  ["PolynomialLR", { totalIters: 0 }, "totalIters must be a positive integer"],
  ["PolynomialLR", { power: 0 }, "power must be a positive finite number"],
  ["WarmupScheduler", { warmupEpochs: -1 }, "warmupEpochs must be"],
  ["WarmupScheduler", { warmupStartLr: -1 }, "warmupStartLr must be"],
  ["CyclicLR", { maxLr: -1 }, "maxLr must be"],
  ["CyclicLR", { maxLr: "1" }, "maxLr must be a nonnegative finite number"],
  [
    "CyclicLR",
    { baseLr: [1, 2], maxLr: [1, 2, 3] },
    "maxLr must be a list with one rate per base rate (2): current value is [1, 2, 3]",
  ],
  ["CyclicLR", { stepSizeUp: 0 }, "stepSizeUp must be"],
  ["CyclicLR", { stepSizeDown: 0 }, "stepSizeDown must be"],
  ["CyclicLR", { mode: "square" }, 'current value is "square"'],
  ["CyclicLR", { gamma: -1 }, "gamma must be"],
  ["CyclicLR", { scaleMode: "epoch" }, "scaleMode must be one of"],
  ["CyclicLR", { scaleFn: 3 }, "scaleFn must be a function"],
  ["OneCycleLR", {}, "totalSteps, or both epochs and stepsPerEpoch"],
  ["OneCycleLR", { epochs: 3 }, "totalSteps, or both epochs and stepsPerEpoch"],
  ["OneCycleLR", { totalSteps: 0 }, "totalSteps must be a positive integer"],
  ["OneCycleLR", { epochs: 0, stepsPerEpoch: 3 }, "epochs must be"],
  ["OneCycleLR", { epochs: 3, stepsPerEpoch: 0.5 }, "stepsPerEpoch must be"],
  ["OneCycleLR", { totalSteps: 9, maxLr: -1 }, "maxLr must be"],
  ["OneCycleLR", { totalSteps: 9, maxLr: [] }, "maxLr must be a nonempty list"],
  ["OneCycleLR", { totalSteps: 9, pctStart: 0 }, "pctStart must be in (0, 1)"],
  ["OneCycleLR", { totalSteps: 9, pctStart: 1 }, "pctStart must be in (0, 1)"],
  ["OneCycleLR", { totalSteps: 9, annealStrategy: "sin" }, "annealStrategy"],
  ["OneCycleLR", { totalSteps: 9, divFactor: 0 }, "divFactor must be"],
  ["OneCycleLR", { totalSteps: 9, finalDivFactor: -1 }, "finalDivFactor"],
  ["OneCycleLR", { totalSteps: 9, variant: "optax" }, "variant must be"],
  [
    "OneCycleLR",
    { totalSteps: 9, threePhase: true, pctStart: 0.6 },
    "pctStart must be at most 0.5 with threePhase",
  ],
  [
    "OneCycleLR",
    { totalSteps: 9, threePhase: true, variant: "braintools" },
    "threePhase must be false",
  ],
  ["OneCycleLR", { totalSteps: 9, lastEpoch: -1 }, "lastEpoch must be"],
  ["ReduceLROnPlateau", { mode: "least" }, "mode must be one of"],
  ["ReduceLROnPlateau", { factor: 1 }, "factor must be in [0, 1)"],
  ["ReduceLROnPlateau", { patience: -1 }, "patience must be"],
  ["ReduceLROnPlateau", { threshold: -1 }, "threshold must be"],
  ["ReduceLROnPlateau", { thresholdMode: "share" }, "thresholdMode must be"],
  ["ReduceLROnPlateau", { cooldown: 0.5 }, "cooldown must be"],
  ["ReduceLROnPlateau", { minLr: -1 }, "minLr must be"],
  ["ReduceLROnPlateau", { minLr: [] }, "minLr must be a nonempty list"],
  ["ReduceLROnPlateau", { eps: -1 }, "eps must be"],
  ["ReduceLROnPlateau", { variant: "optax" }, "variant must be"],
  ["LinearLR", { startFactor: -1 }, "startFactor must be"],
  ["LinearLR", { endFactor: -1 }, "endFactor must be"],
  ["LinearLR", { totalIters: -1 }, "totalIters must be"],
  ["ConstantLR", { factor: -1 }, "factor must be"],
  ["ConstantLR", { totalIters: 0.5 }, "totalIters must be"],
  ["CosineAnnealingWarmRestarts", { t0: 0 }, "t0 must be a positive integer"],
  ["CosineAnnealingWarmRestarts", { tMult: 0 }, "tMult must be a positive"],
  ["CosineAnnealingWarmRestarts", { etaMin: -1 }, "etaMin must be"],
  ["WarmupCosineSchedule", { warmupSteps: -1 }, "warmupSteps must be"],
  ["WarmupCosineSchedule", { totalSteps: 0 }, "totalSteps must be a positive"],
  [
    "WarmupCosineSchedule",
    { warmupSteps: 9, totalSteps: 9 },
    "totalSteps must be more than warmupSteps (9)",
  ],
  ["WarmupCosineSchedule", { warmupStartLr: -1 }, "warmupStartLr must be"],
  ["WarmupCosineSchedule", { etaMin: -1 }, "etaMin must be"],
  [
    "PiecewiseConstantSchedule",
    { boundaries: [5, 3] },
    "boundaries must be strictly increasing: current value is [5, 3]",
  ],
  [
    "PiecewiseConstantSchedule",
    { boundaries: [5, 5] },
    "boundaries must be strictly increasing",
  ],
  ["PiecewiseConstantSchedule", { boundaries: [0] }, "boundaries[0] must be"],
  [
    "PiecewiseConstantSchedule",
    { values: [1, 0.1] },
    "values must be a list with one value more than there are boundaries (2): current value is [1, 0.1]",
  ],
  ["PiecewiseConstantSchedule", { values: [1, 0.1, -1] }, "values[2] must be"],
  [
    "PiecewiseConstantSchedule",
    { values: [[1, 2, 3], [1, 2]] },
    "values[1] must be a list with one value more",
  ],
  [
    "PiecewiseConstantSchedule",
    { values: [[1, 2, 3]], baseLr: [1, 1] },
    "values must be a list with one list per base rate (2): current value is [[1, 2, 3]]",
  ],
  ["PiecewiseConstantSchedule", { values: 3 }, "values must be a list"],
  ["WSDSchedule", { warmupSteps: -1 }, "warmupSteps must be"],
  ["WSDSchedule", { totalSteps: 0 }, "totalSteps must be"],
  ["WSDSchedule", { decaySteps: -1 }, "decaySteps must be"],
  [
    "WSDSchedule",
    { decay: "sqrt" },
    'decay must be one of "linear", "cosine", "1-sqrt": current value is "sqrt"',
  ],
  [
    "WSDSchedule",
    { warmupSteps: 6, decaySteps: 6, totalSteps: 9 },
    "totalSteps must be at least warmupSteps + decaySteps (12)",
  ],
  ["WSDSchedule", { warmupStartLr: -1 }, "warmupStartLr must be"],
  ["WSDSchedule", { etaMin: -1 }, "etaMin must be"],
  ["InverseSqrtLR", { warmupSteps: 0 }, "warmupSteps must be a positive"],
  ["InverseSqrtLR", { warmupStartLr: -1 }, "warmupStartLr must be"],
  ["LambdaLR", {}, "lrLambda must be a function: current value is undefined"],
  [
    "LambdaLR",
    { lrLambda: [Math.sqrt], baseLr: [1, 1] },
    "lrLambda must be a list with one function per base rate (2): current value is [a function]",
  ],
  ["LambdaLR", { lrLambda: [3] }, "lrLambda[0] must be a function"],
  ["LambdaLR", { lrLambda: Math.sqrt, baseLr: -1 }, "baseLr must be"],
  ["MultiplicativeLR", { lrLambda: 0.9 }, "lrLambda must be a function"],
  ["MultiplicativeLR", { lrLambda: Math.sqrt, baseLr: -1 }, "baseLr must be"],
  [
    "ChainedScheduler",
    { schedulers: [] },
    "schedulers must be a nonempty list",
  ],
  ["ChainedScheduler", { schedulers: "StepLR" }, "schedulers must be a list"],
  [
    "ChainedScheduler",
    { schedulers: [0.1] },
    "schedulers[0] must be a scheduler: current value is 0.1",
  ],
  [
    "ChainedScheduler",
    { schedulers: [new ConstantLR()], lastEpoch: -1 },
    "lastEpoch must be",
  ],
  [
    "SequentialLR",
    { schedulers: [], milestones: [] },
    "schedulers must be a nonempty list",
  ],
  [
    "SequentialLR",
    { schedulers: [new ConstantLR()], milestones: [3] },
    "milestones must be a list with one milestone less than there are schedulers (0): current value is [3]",
  ],
  [
    "SequentialLR",
    { schedulers: [new ConstantLR(), new ConstantLR()] },
    "milestones must be a list",
  ],
  ["SequentialLR", {
    schedulers: [1, 2, 3].map(() => new ConstantLR()),
    milestones: [5, 3],
  }, "milestones must be strictly increasing"],
  ["SequentialLR", {
    schedulers: [1, 2].map(() => new ConstantLR()),
    milestones: [0],
  }, "milestones[0] must be a positive integer"],
];

for (const [name, options, message] of BAD) {
  const shown = JSON.stringify(
    options,
    (_, value) =>
      typeof value === "function" || value instanceof LRScheduler ? "…" : value,
  );
  Deno.test(`${name} refuses ${shown}`, () => {
    const error = assertThrows(
      () => new (classOf(name))(options),
      Error,
      message,
    );
    assertEquals(error.message.startsWith(`Cannot create ${name}: `), true);
    const kind = error instanceof TypeError || error instanceof RangeError;
    assertEquals(kind, true, error.name);
  });
}

Deno.test("a plateau in a composition starts with it, and is there once", () => {
  const used = new ReduceLROnPlateau();
  used.step(1);
  const fresh = new ReduceLROnPlateau();
  for (
    const [options, message] of [
      [
        { schedulers: [used] },
        "lastEpoch of schedulers[0], which takes a metric, and of the scheduler that holds it must be 0: current values are 1 and 0",
      ],
      [{ schedulers: [fresh], lastEpoch: 5 }, "current values are 0 and 5"],
      [
        { schedulers: [fresh, fresh] },
        "schedulers[1] must be there once, as it takes a metric",
      ],
    ] as const
  ) {
    assertThrows(() => new ChainedScheduler(options), RangeError, message);
  }
});
