/** What holds of every optimizer, by the table of them. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  Adam,
  Asgd,
  AveragingOptimizer,
  type Optimizer,
  type OptimizerOptions,
} from "../../optim/mod.ts";
import type { ParamState } from "../../state.ts";
import { assertNoLeak, FULL, onEachBackend } from "../_backends.ts";
import { OPTIMIZERS } from "./_optimizers.ts";
import { disposeAll, gradients, quadratic, start } from "./_problem.ts";

const NAMES = ["scalar", "vector", "matrix", "zero"];

type AnyOptimizer = Optimizer<OptimizerOptions>;

async function valuesOf(
  params: Record<string, ParamState>,
): Promise<number[]> {
  const all = Object.values(params).map(({ value }) => value.data());
  return (await Promise.all(all)).flatMap((x) => [...x]);
}

/** Those whose options show with the gradients of a function. */
const OF_FUNCTION = ["LBFGS", "Prodigy", "DAdaptAdamW"];

/** Where `steps` steps of an optimizer lead. */
async function train(
  optimizer: AnyOptimizer,
  steps: number,
): Promise<number[]> {
  const params = start(NAMES);
  optimizer.registerTrainableWeights(params);
  for (let k = 1; k <= steps; k++) {
    const isFunction = OF_FUNCTION.includes(optimizer.constructor.name);
    optimizer.step(isFunction ? quadratic(params) : gradients(NAMES, k));
  }
  const values = await valuesOf(params);
  if (optimizer instanceof AveragingOptimizer) {
    optimizer.swap();
    values.push(...await valuesOf(params));
  }
  optimizer.dispose();
  disposeAll(params);
  return values;
}

for (const [name, { make, scenes }] of Object.entries(OPTIMIZERS)) {
  for (const [option, scene] of Object.entries(scenes)) {
    const shown = JSON.stringify(scene.values);
    onEachBackend(
      `${name}: ${option} of ${shown} makes a difference`,
      async () => {
        const steps = name === "Lion" ? 40 : 6; // signs change rarely
        const [a, b] = scene.values.map((value) =>
          train(make({ ...scene.with, [option]: value }), steps)
        );
        if (option === "linesearch") {
          // A line search needs a function: gradients alone are refused.
          await a;
          let refused = false;
          await b!.catch(() => refused = true);
          return assert(refused);
        }
        assertNotEquals(await a, await b);
      },
      { only: ["cpu"] },
    );
  }

  onEachBackend(
    `${name} saved, loaded and continued equals itself uninterrupted`,
    async () => {
      await assertNoLeak(() => resume(make));
    },
    FULL ? {} : { only: ["cpu", "wasm"] },
  );
}

/** Two groups, a scheduler, and 3 steps before and after. */
async function resume(make: (options?: object) => AnyOptimizer) {
  const begin = () => {
    const { scalar, vector, ...rest } = start(NAMES);
    const optimizer = make({ lr: 0.01 }).registerTrainableWeights(rest)
      .addParamGroup({ scalar: scalar!, vector: vector! }, { lr: 0.05 });
    return { optimizer, params: { scalar: scalar!, vector: vector!, ...rest } };
  };
  const step = ({ optimizer, params }: ReturnType<typeof begin>, k: number) => {
    const isFunction = optimizer.constructor.name === "LBFGS";
    optimizer.step(isFunction ? quadratic(params) : gradients(NAMES, k));
    if (k === 2) optimizer.currentLr = 0.02;
  };
  const whole = begin(), second = begin();
  for (const k of [1, 2, 3]) step(whole, k);
  const saved = whole.optimizer.stateDict();
  for (const name of NAMES) {
    const { params } = second;
    params[name as keyof typeof params]!.value =
      whole.params[name as keyof typeof params]!.value;
  }
  second.optimizer.loadStateDict(saved);
  tf.dispose(Object.values(saved.slots).flatMap((x) => Object.values(x)));
  for (const k of [4, 5, 6]) {
    step(whole, k);
    step(second, k);
  }
  assertEquals(await valuesOf(second.params), await valuesOf(whole.params));
  assertEquals(second.optimizer.stepCount, 6);
  for (const { optimizer, params } of [whole, second]) {
    optimizer.dispose();
    disposeAll(params);
  }
}

const MANY = FULL ? 1000 : 50;

onEachBackend(
  `no class holds more tensors after ${MANY} steps than after 2`,
  () => {
    for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
      const params = start(["vector", "matrix"]);
      const optimizer = make().registerTrainableWeights(params);
      let steady = 0;
      for (let k = 1; k <= MANY; k++) {
        optimizer.step(quadratic(params));
        if (k === 2) steady = tf.memory().numTensors;
      }
      assertEquals(tf.memory().numTensors, steady, name);
      optimizer.dispose();
      disposeAll(params);
    }
  },
  FULL ? {} : { only: ["cpu", "wasm"] },
);

/** Options that every class with that option refuses. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  rank: [0, 1.5],
  updateProjGap: [0],
  scale: [0, -1],
  projectMask: [1],
  updatePeriod: [0, 1.5],
  distribution: ["uniform"],
  random: [1],
  shampooBeta: [1, "0"],
  preconditionFrequency: [0, 1.5],
  maxPreconditionDim: [0],
  precondition1d: [1],
  correctBias: [1],
  normalizeGrads: ["yes"],
  warmupSteps: [-1, 1.5],
  r: [-1, "0"],
  weightLrPower: [-1],
  scaling: ["keller", 1],
  muonMask: [1],
  nsSteps: [0, 1.5],
  nsCoefficients: [[1, 2], 3, [1, 2, NaN]],
  adamLr: [-1, "fast"],
  adamBetas: [[1.2, 0.9], [0.9]],
  adamEps: [-1],
  lr: [-1, NaN, "fast"],
  betas: [[1.2, 0.9], [0.9, 1], [0.9], 0.9],
  eps: [-1, NaN, [1], [1, 2, 3]],
  weightDecay: [-0.1, Infinity, "0"],
  momentum: [-0.1, null],
  gradClipNorm: [0, -1, NaN, "1"],
  gradClipValue: [0, -1, Infinity],
  decayMask: [3, "bias"],
  nesterov: [1],
  variant: ["jax"],
  rho: [1, -0.1],
  alpha: [-0.1, 1.5],
  etas: [[1.2, 0.5], [0, 1.2]],
  stepSizes: [[50, 1e-6], [0, 1]],
  syncPeriod: [0, 1.5],
  memorySize: [0],
  linesearch: ["wolfe", 1],
  tx: [{}, 3],
  baseOptimizer: [{}, "sgd", new Asgd()],
  centralizeMask: ["matrix", 1],
  clipThreshold: [0],
  beta1: [1],
  decayRate: [0],
  lrDecay: [-1],
  initialAccumulatorValue: [-1],
  momentumDecay: [-1],
  trustCoefficient: [0],
  minDimSizeToFactor: [0],
  amsgrad: ["yes"],
  centered: [0],
  factored: [null],
  scaleInitPrecond: [1],
  trustMask: [1],
  alphaWarmup: [0, 1.5],
  beta3Warmup: [0, "all"],
  clipping: ["yes"],
  proximal: [1],
  lambda: [-1, Infinity],
  t0: [-1, "0"],
  gamma: [-1, Infinity],
  correctionMask: ["matrix"],
  plainBetas: [[1, 0.9], 0.9],
  l1: [-1],
  l2: [-1, NaN],
  l2Shrinkage: [-1],
  beta: [-1, "1"],
  beta3: [1, -0.1],
  d0: [0, Infinity],
  dCoef: [0, -1],
  growthRate: [0.5, "2"],
  useBiasCorrection: [1],
  safeguardWarmup: ["no"],
  decoupled: [0],
};

/** Options of the same name that a class takes other values of. */
const WRONG_OF: Readonly<
  Record<string, Readonly<Record<string, readonly unknown[]>>>
> = {
  Asgd: { alpha: [-0.1, Infinity] },
  Adan: { betas: [[0.9, 0.999], [0.9, 1, 0.9]] },
  AdEMAMix: { alpha: [-0.1, Infinity], betas: [[0.9, 0.999], [0.9, 0.9, 1]] },
};

for (const [name, { make, scenes }] of Object.entries(OPTIMIZERS)) {
  if (name === "LaProp") continue; // an example: it checks nothing of its own
  Deno.test(`${name} refuses wrong options by name`, () => {
    for (const option of Object.keys(scenes)) {
      const wrong = WRONG_OF[name]?.[option] ?? WRONG[option];
      assert(wrong, option);
      for (const value of wrong) {
        const error = assertThrows(() => make({ [option]: value }), Error);
        assert(error instanceof TypeError || error instanceof RangeError);
        assert(error.message.includes(option), error.message);
        assert(error.message.includes("current value is"), error.message);
      }
    }
    const message = `Cannot create ${name}: there is no option "momentun"`;
    assertThrows(() => make({ momentun: 1 }), TypeError, message);
  });
}

/** Where there is no option `lr`. */
const RATES: Readonly<Record<string, number>> = {
  ...{ Adagrad: 1e-2, Adadelta: 1, RMSprop: 1e-2, Adamax: 2e-3, Nadam: 2e-3 },
  ...{ Lars: 1, LBFGS: 1, Rprop: 1e-2, Adafactor: 1, Lion: 1e-4, SM3: 1 },
  Fromage: 1e-2,
  Soap: 3e-3,
  Sophia: 6e-4,
  Mars: 3e-3,
  Asgd: 1e-2,
  ...{ ScheduleFreeSGD: 1, ScheduleFreeAdamW: 2.5e-3 },
  ...{ Prodigy: 1, DAdaptAdamW: 1 },
};

Deno.test("the default rates are those of braintools, or of who published a rule", () => {
  for (const [name, { make }] of Object.entries(OPTIMIZERS)) {
    assertEquals(make().baseLr, RATES[name] ?? 1e-3, name);
  }
});

Deno.test("an error names action, rule and value", () => {
  assertThrows(
    () => new Adam({ betas: [1.2, 0.999] }),
    RangeError,
    "Cannot create Adam: betas[0] must be in [0, 1): current value is 1.2",
  );
});
