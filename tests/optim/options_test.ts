/** What is refused: options that a class or function does not know, or wrong values. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";
import { singles } from "./_schedulers.ts";

// deno-lint-ignore no-explicit-any
const all = optim as any;

/** The options of each scheduler, on top of `lastEpoch`. */
const SCHEDULERS: Readonly<Record<string, readonly string[]>> = {
  ConstantLR: ["baseLr", "factor", "totalIters"],
  LinearLR: ["baseLr", "startFactor", "endFactor", "totalIters"],
  StepLR: ["baseLr", "stepSize", "gamma"],
  MultiStepLR: ["baseLr", "milestones", "gamma"],
  ExponentialLR: ["baseLr", "gamma"],
  ExponentialDecayLR: [
    ...["baseLr", "decaySteps", "decayRate", "transitionBegin", "staircase"],
    "endValue",
  ],
  PolynomialLR: ["baseLr", "totalIters", "power"],
  CosineAnnealingLR: ["baseLr", "tMax", "etaMin", "variant"],
  CosineAnnealingWarmRestarts: ["baseLr", "t0", "tMult", "etaMin"],
  CyclicLR: [
    ...["baseLr", "maxLr", "stepSizeUp", "stepSizeDown", "mode", "gamma"],
    ...["scaleFn", "scaleMode"],
  ],
  OneCycleLR: [
    ...["maxLr", "totalSteps", "epochs", "stepsPerEpoch", "pctStart"],
    ...["annealStrategy", "divFactor", "finalDivFactor", "threePhase"],
    "variant",
  ],
  PiecewiseConstantSchedule: ["baseLr", "boundaries", "values"],
  LambdaLR: ["baseLr", "lrLambda"],
  MultiplicativeLR: ["baseLr", "lrLambda"],
  WarmupScheduler: ["baseLr", "warmupEpochs", "warmupStartLr"],
  WarmupCosineSchedule: [
    ...["baseLr", "warmupSteps", "totalSteps", "warmupStartLr", "etaMin"],
  ],
  InverseSqrtLR: ["baseLr", "warmupSteps", "warmupStartLr"],
  WSDSchedule: [
    ...["baseLr", "warmupSteps", "totalSteps", "decaySteps", "decay"],
    ...["warmupStartLr", "etaMin"],
  ],
  ReduceLROnPlateau: [
    ...["baseLr", "mode", "factor", "patience", "threshold", "thresholdMode"],
    ...["cooldown", "minLr", "eps", "variant"],
  ],
  ChainedScheduler: ["schedulers"],
  SequentialLR: ["schedulers", "milestones"],
};

const FORWARD_MODE = [
  ...["lr", "gradClipNorm", "gradClipValue", "weightDecay", "decayMask"],
  ...["loss", "tangentSize", "damping", "momentum", "nesterov", "random"],
];

/** What some have to be given. */
const REQUIRED: Readonly<Record<string, object>> = {
  OneCycleLR: { totalSteps: 9 },
  LambdaLR: { lrLambda: () => 1 },
  MultiplicativeLR: { lrLambda: () => 1 },
  ChainedScheduler: { schedulers: [new optim.StepLR()] },
  SequentialLR: { schedulers: [new optim.StepLR()], milestones: [] },
  Lookahead: { baseOptimizer: optim.sgd() },
  Cautious: { baseOptimizer: optim.sgd() },
  GradientCentralization: { baseOptimizer: optim.sgd() },
  Sam: { baseOptimizer: optim.sgd() },
  SOFO: { model: () => {}, lossFn: () => {} },
  SOFOScan: { rnnCell: () => {}, lossFn: () => {} },
};

/** The options of optimizers that need more than gradients. */
const NEED_MORE: Readonly<Record<string, readonly string[]>> = {
  Sam: [
    ...["lr", "gradClipNorm", "gradClipValue", "baseOptimizer"],
    ...["rho", "adaptive", "eps"],
  ],
  SOFO: ["model", "lossFn", ...FORWARD_MODE],
  SOFOScan: ["rnnCell", "lossFn", ...FORWARD_MODE],
};

/** Transformations with options. */
const TRANSFORMATIONS: Readonly<Record<string, readonly string[]>> = {
  trace: ["decay", "nesterov"],
  scaleByAdam: ["betas", "eps", "amsgrad", "variant"],
  scaleByAdamax: ["betas", "eps"],
  scaleByNadam: ["betas", "eps", "momentumDecay"],
  scaleByRadam: ["betas", "eps"],
  scaleByYogi: ["betas", "eps"],
  scaleByBelief: ["betas", "eps"],
  scaleByAdadelta: ["rho", "eps"],
  scaleByRss: ["initialAccumulatorValue", "eps"],
  scaleByRms: ["alpha", "eps", "centered"],
  scaleByLion: ["betas"],
  scaleBySm3: ["momentum", "eps"],
  scaleByNovograd: ["betas", "eps", "weightDecay", "decayMask"],
  scaleByFactoredRms: ["decayRate", "eps", "factored", "minDimSizeToFactor"],
  scaleByTrustRatio: ["trustCoefficient", "eps", "trustMask"],
  scaleByLbfgs: ["memorySize", "scaleInitPrecond"],
  pullBack: ["syncPeriod", "alpha"],
  scaleByAdemamix: ["betas", "alpha", "alphaWarmup", "beta3Warmup", "eps"],
  scaleByAdan: ["betas", "eps"],
  scaleByMars: ["betas", "eps", "gamma", "correctionMask", "plainBetas"],
  scaleBySignum: ["momentum"],
  scaleByAdopt: ["betas", "eps", "clipping"],
  scaleBySophia: ["betas", "gamma", "eps"],
  scaleBySoap: [
    ...["betas", "shampooBeta", "eps", "preconditionFrequency"],
    ...["maxPreconditionDim", "precondition1d", "correctBias"],
    "normalizeGrads",
  ],
  adaptiveGradClip: ["clipping", "eps"],
  addGradientNoise: ["eta", "gamma", "seed"],
  orthogonalize: ["nsSteps", "nsCoefficients", "eps"],
};

/** How others spell an option: with underscores, in one case, or mistyped. */
function misspelled(option: string): string[] {
  return [
    option.replace(/[A-Z]/g, (x) => `_${x.toLowerCase()}`),
    option.toUpperCase(),
    option + "s",
    option.slice(0, -1),
    option[0] + option,
  ].filter((name) => name !== option && name !== "");
}

/** What takes options: a name, its options, and how to call it. */
type Subject = readonly [
  name: string,
  options: readonly string[],
  call: (options: unknown) => unknown,
];

function make(name: string): (options: unknown) => unknown {
  const isObject = (x: unknown) => typeof x === "object" && x !== null;
  return (options) =>
    new all[name](
      isObject(options) && !Array.isArray(options)
        ? { ...REQUIRED[name], ...options as object }
        : options,
    );
}

const SUBJECTS: readonly Subject[] = [
  ...Object.entries(OPTIMIZERS).filter(([name]) => name !== "LaProp").flatMap(
    ([name, { scenes }]): Subject[] => {
      const options = Object.keys(scenes);
      const pure = Object.keys(all)
        .find((key) =>
          key !== name && key.toLowerCase() === name.toLowerCase()
        );
      const withBase = (o: unknown) =>
        all[pure!](
          typeof o === "object" && o !== null && !Array.isArray(o)
            ? { ...REQUIRED[name], ...o }
            : o,
        );
      return [
        [name, options, make(name)],
        ...(pure ? [[name, options, withBase] as Subject] : []),
      ];
    },
  ),
  ...Object.entries(NEED_MORE).map(([name, options]): Subject => [
    name,
    options,
    make(name),
  ]),
  ...Object.entries(SCHEDULERS).map(([name, options]): Subject => [
    name,
    [...options, "lastEpoch"],
    make(name),
  ]),
  ...Object.entries(TRANSFORMATIONS).map(([name, options]): Subject => [
    name,
    options,
    (o) => all[name](o),
  ]),
];

const EVERY = [...new Set(SUBJECTS.flatMap(([, options]) => options))];

for (const [name, options, call] of SUBJECTS) {
  Deno.test(`${name} refuses every option that it does not have`, () => {
    const unknown = new Set([
      ...EVERY.filter((option) => !options.includes(option)),
      ...options.flatMap(misspelled),
      ...["T_max", "beta1", "learning_rate", "weight_decay", "learningRate"],
      ...["constructor", "toString", "__proto__x", ""],
    ].filter((option) => !options.includes(option)));
    for (const option of unknown) {
      const error = assertThrows(() => call({ [option]: 0.5 }), TypeError);
      const start = `Cannot create ${name}: there is no option "${option}": `;
      assert(error.message.startsWith(start), error.message);
    }
    for (const option of options) {
      const snake = misspelled(option)[0]!;
      if (!snake.includes("_")) continue;
      const error = assertThrows(() => call({ [snake]: 0.5 }), TypeError);
      assert(
        error.message.includes(`did you mean "${option}"?`),
        error.message,
      );
    }
  });

  Deno.test(`${name} refuses options that are not an object`, () => {
    for (const value of [null, 0.1, "fast", [0.1], true, () => 0.1]) {
      const error = assertThrows(() => call(value), TypeError);
      const start = `Cannot create ${name}: the options must be an object`;
      assert(error.message.startsWith(start), error.message);
    }
  });

  Deno.test(`${name} takes an option that is undefined for left out`, () => {
    for (const option of options) {
      if (option in (REQUIRED[name] ?? {})) continue;
      if (name === "LambdaLR" || name === "MultiplicativeLR") continue;
      call({ ...REQUIRED[name], [option]: undefined });
    }
  });

  Deno.test(`${name} names each option that has a wrong value`, () => {
    for (const option of options) {
      for (const value of [Symbol("x"), NaN, {}, [NaN, NaN]]) {
        if (option === "decay" && name === "WSDSchedule") continue;
        const error = assertThrows(() => call({ [option]: value }), Error);
        const { message } = error;
        assert(error instanceof TypeError || error instanceof RangeError);
        assert(message.startsWith(`Cannot create ${name}: ${option}`), message);
      }
    }
  });
}

Deno.test("every class and transformation is in the table", () => {
  const names = new Set(SUBJECTS.map(([name]) => name));
  for (const [name, value] of Object.entries(all)) {
    if (typeof value !== "function") continue;
    const { prototype } = value as { prototype: unknown };
    const isClass = prototype instanceof optim.Optimizer ||
      prototype instanceof optim.LRScheduler;
    if (!isClass && !name.startsWith("scaleBy")) continue;
    const others = [
      ...[
        "CompositeLR",
        "ForwardMode",
        "AveragingOptimizer",
        "AroundOptimizer",
      ],
      "scaleByLearningRate",
    ];
    if (others.includes(name)) continue;
    assert(names.has(name), name);
  }
  for (const name of Object.keys(singles)) {
    assert(SCHEDULERS[name.split(" ")[0]!], name);
  }
});

/** Calls with a wrong argument, and the start of the error. */
const ARGUMENTS: readonly (readonly [string, () => unknown, string])[] = [
  [
    "clipByGlobalNorm(-1)",
    () => all.clipByGlobalNorm(-1),
    "Cannot create clipByGlobalNorm: maxNorm must be a positive finite number: current value is -1",
  ],
  [
    "clipByGlobalNorm()",
    () => all.clipByGlobalNorm(),
    "Cannot create clipByGlobalNorm: maxNorm must be",
  ],
  [
    "clipByGlobalNorm(options)",
    () => all.clipByGlobalNorm({ maxNorm: 1 }),
    "Cannot create clipByGlobalNorm: maxNorm must be",
  ],
  [
    "clipByValue(-1)",
    () => all.clipByValue(-1),
    "Cannot create clipByValue: limit must be a positive finite number: current value is -1",
  ],
  [
    "clipByNorm(0)",
    () => all.clipByNorm(0),
    "Cannot create clipByNorm: maxNorm must be a positive finite number: current value is 0",
  ],
  [
    "clipByBlockRms(Infinity)",
    () => all.clipByBlockRms(Infinity),
    "Cannot create clipByBlockRms: threshold must be a positive finite number: current value is Infinity",
  ],
  [
    "ema(1)",
    () => all.ema(1),
    "Cannot create ema: decay must be in [0, 1): current value is 1",
  ],
  [
    "ema(0.9, { debias: 1 })",
    () => all.ema(0.9, { debias: 1 }),
    "Cannot create ema: debias must be true or false: current value is 1",
  ],
  [
    "ema(0.9, { bias: true })",
    () => all.ema(0.9, { bias: true }),
    'Cannot create ema: there is no option "bias"',
  ],
  [
    "accumulate(function)",
    () => all.accumulate(optim.adamw, 4),
    "Cannot create accumulate: tx must be a gradient transformation",
  ],
  [
    "accumulate(tx, 0.5)",
    () => all.accumulate(optim.adamw(), 0.5),
    "Cannot create accumulate: k must be a positive integer: current value is 0.5",
  ],
  [
    "skipNonFinite(function)",
    () => all.skipNonFinite(optim.adamw),
    "Cannot create skipNonFinite: tx must be a gradient transformation",
  ],
  [
    "skipNonFinite(tx, { maxConsecutive: -1 })",
    () => all.skipNonFinite(optim.adamw(), { maxConsecutive: -1 }),
    "Cannot create skipNonFinite: maxConsecutive must be a nonnegative integer: current value is -1",
  ],
  [
    "skipNonFinite(tx, { max: 2 })",
    () => all.skipNonFinite(optim.adamw(), { max: 2 }),
    'Cannot create skipNonFinite: there is no option "max"',
  ],
  [
    "trace({ decay: -1 })",
    () => all.trace({ decay: -1 }),
    "Cannot create trace: decay must be a nonnegative finite number: current value is -1",
  ],
  [
    "scaleByLearningRate(-1)",
    () => all.scaleByLearningRate(-1),
    "Cannot create scaleByLearningRate: lr must be a nonnegative finite number: current value is -1",
  ],
  [
    "scaleByLearningRate(text)",
    () => all.scaleByLearningRate("0.1"),
    "Cannot create scaleByLearningRate: lr must be",
  ],
  [
    "scaleByLearningRate(lr, -1)",
    () => all.scaleByLearningRate(null, -1),
    "Cannot create scaleByLearningRate: fallback must be",
  ],
  [
    "addDecayedWeights(-1)",
    () => all.addDecayedWeights(-1),
    "Cannot create addDecayedWeights: weightDecay must be",
  ],
  [
    "addDecayedWeights(mask)",
    () => all.addDecayedWeights(0.1, "bias"),
    "Cannot create addDecayedWeights: mask must be",
  ],
  [
    "chain(function)",
    () => all.chain(optim.trace(), optim.adam),
    "Cannot create chain: parts[1] must be a gradient transformation: current value is a function",
  ],
  [
    "chain(list)",
    () => all.chain([optim.trace()]),
    "Cannot create chain: parts[0] must be",
  ],
  [
    "partition(label)",
    () => all.partition("m", {}),
    "Cannot create partition: label must be a function",
  ],
  [
    "partition(parts)",
    () => all.partition(() => "m", { m: optim.sgd }),
    "Cannot create partition: parts",
  ],
  [
    "masked(tx)",
    () => all.masked(optim.trace, /a/),
    "Cannot create masked: tx must be",
  ],
  [
    "masked(mask)",
    () => all.masked(optim.trace(), "a"),
    "Cannot create masked: mask must be",
  ],
  [
    "masked()",
    () => all.masked(optim.trace()),
    "Cannot create masked: mask must be",
  ],
  ["freeze(mask)", () => all.freeze("a"), "Cannot create freeze: mask must be"],
  [
    "keepAgreeing(optimizer)",
    () => all.keepAgreeing(new optim.Adam()),
    "Cannot create keepAgreeing: tx must be a gradient transformation",
  ],
  [
    "centralize(mask)",
    () => all.centralize("matrix"),
    "Cannot create centralize: mask must be a regular expression or a function",
  ],
  [
    "perTensor",
    () => all.perTensor({ init: () => ({}), updates: 1 }),
    'Cannot create perTensor: there is no option "updates"',
  ],
  [
    "elementwise(function)",
    () => all.elementwise(() => 1),
    "Cannot create elementwise: the options must be",
  ],
  [
    "elementwise({})",
    () => all.elementwise({}),
    "Cannot create elementwise: update must be a function",
  ],
  [
    "elementwise of a misspelled part",
    () => all.elementwise({ slot: {}, update: () => 1 }),
    'Cannot create elementwise: there is no option "slot": did you mean "slots"?',
  ],
  [
    "toScheduler",
    () => all.toScheduler(null),
    "Cannot make a scheduler: lr must be",
  ],
];

for (const [name, call, message] of ARGUMENTS) {
  Deno.test(`${name} is refused by its own name`, () => {
    const error = assertThrows(call, Error);
    assert(error.message.startsWith(message), error.message);
  });
}

onEachBackend("an optimizer in use refuses wrong arguments", () => {
  const w = new ParamState(tf.tensor1d([1]));
  // deno-lint-ignore no-explicit-any
  const optimizer = new optim.Adam().registerTrainableWeights({ w }) as any;
  const g = tf.tensor1d([1]), gone = tf.tensor1d([1]);
  gone.dispose();
  const refused: [() => unknown, string][] = [
    [
      () => optimizer.step({ w: g }, { kept: true }),
      'Cannot step Adam: there is no option "kept": did you mean "keep"?',
    ],
    [
      () => optimizer.step({ w: g }, { keep: 1 }),
      "Cannot step Adam: keep must be true or false",
    ],
    [
      () => optimizer.step(g),
      "Cannot step Adam: gradients must be a record of tensors",
    ],
    [
      () => optimizer.step(),
      "Cannot step Adam: gradients must be a record of tensors",
    ],
    [
      () => optimizer.step({ w: [1] }),
      'Cannot step Adam: the gradient of "w" must be a tensor',
    ],
    [
      () => optimizer.step({ w: gone }),
      'Cannot step Adam: the gradient of "w" must be a tensor that has not been disposed',
    ],
    [
      () => optimizer.step({ v: g }),
      'Cannot step Adam: no parameter is registered as "v"',
    ],
    [
      () =>
        optimizer.addParamGroup({ v: new ParamState(tf.scalar(1)) }, {
          beta1: 0.5,
        }),
      'Cannot create Adam: there is no option "beta1": did you mean "betas"?',
    ],
    [
      () => optimizer.addScheduler(0.1),
      "Cannot add a scheduler to Adam: scheduler must be a scheduler",
    ],
    [
      () => optimizer.registerTrainableWeights([w, 3]),
      "Cannot register the weights of Adam",
    ],
    [
      () => optimizer.loadStateDict({}),
      "Cannot load Adam: the state must have steps",
    ],
  ];
  for (const [call, message] of refused) {
    const error = assertThrows(call, Error);
    assert(error.message.startsWith(message), error.message);
  }
  assertEquals(optimizer.stepCount, 0);
  optimizer.dispose();
  const after = assertThrows(() => optimizer.step({ w: g }), Error);
  assertEquals(
    after.message,
    "Cannot step Adam: the optimizer has been disposed",
  );
}, { only: ["cpu"] });
