/**
 * Every optimizer: how to make it, and for each of its options a scene in which
 * that option matters. The types see to it that none is missing.
 *
 * @module
 */
import { LaProp, type LaPropOptions } from "../../examples/custom_optimizer.ts";
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";
import { RandomState } from "../../random.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";

/** Two values of an option that lead to different places. */
export interface Scene<O, K extends keyof O> {
  /** Options in common. */
  readonly with?: Partial<O>;
  /** The values. */
  readonly values: readonly [O[K], O[K]];
}

/** A scene for each option of a class. */
export type Scenes<O> = { readonly [K in keyof Required<O>]: Scene<O, K> };

/** A class of the table. */
export interface Entry {
  /** An optimizer with these options, on top of the necessary ones. */
  readonly make: (options?: object) => optim.Optimizer<optim.OptimizerOptions>;
  /** Scenes by option. */
  readonly scenes: Readonly<
    Record<string, { with?: object; values: readonly [unknown, unknown] }>
  >;
}

function entry<O extends optim.OptimizerOptions>(
  Class: new (options: O) => optim.Optimizer<O>,
  scenes: Scenes<O>,
  necessary: Partial<O> = {},
): Entry {
  const make = (options: object = {}) =>
    new Class({ ...necessary, ...options } as O);
  return { make, scenes: scenes as unknown as Entry["scenes"] } as Entry;
}

const common = {
  lr: { values: [0.01, 0.02] },
  gradClipNorm: { values: [null, 0.5] },
  gradClipValue: { values: [null, 0.2] },
} satisfies Scenes<optim.OptimizerOptions>;

/** Clipping by a norm does not show where gradients are scaled anyway. */
const decay = {
  weightDecay: { values: [0, 0.5] },
  decayMask: {
    with: { weightDecay: 0.5 },
    values: [undefined, /vector/],
  },
} satisfies Scenes<optim.WeightDecayOptions>;

const betas = { values: [[0.9, 0.999], [0.8, 0.9]] } as const;

const scheduleFree = {
  warmupSteps: { values: [0, 4] },
  r: { values: [0, 1] },
  weightLrPower: { with: { warmupSteps: 4 }, values: [2, 1] },
} satisfies Scenes<optim.ScheduleFreeOptions>;

const adam = {
  ...common,
  ...decay,
  betas,
  eps: { values: [1e-8, 0.1] },
  amsgrad: { values: [false, true] },
  variant: { with: { amsgrad: true }, values: ["optax", "torch"] },
} satisfies Scenes<optim.AdamOptions>;

/** Of those that estimate the distance to the solution. */
const distance = {
  betas: { with: { d0: 0.01 }, values: [[0.9, 0.999], [0.8, 0.9]] },
  d0: { values: [1e-6, 1e-2] },
  growthRate: { with: { d0: 0.01 }, values: [Infinity, 1.01] },
  useBiasCorrection: { with: { d0: 0.01 }, values: [false, true] },
} as const;

/** The curvatures of the loss whose Hessian {@linkcode SophiaOfQuadratic} estimates. */
function curvature(shape: readonly number[]): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => 1 + i % 7);
  return tf.tensor(values, [...shape]);
}

/** Estimates the Hessian by itself where it is due, since the tables give gradients only. */
class SophiaOfQuadratic extends optim.Sophia {
  override step(grads: Tensors, options?: { readonly keep?: boolean }): void {
    if (this.isHessianDue) {
      this.updateHessian((vector) =>
        mapNamed(
          vector,
          (v) => tf.tidy(() => tf.mul(v, curvature(v.shape))),
        )
      );
    }
    super.step(grads as never, options);
  }
}

/** By name. */
export const OPTIMIZERS: Readonly<Record<string, Entry>> = {
  Optimizer: entry<optim.TxOptions>(optim.Optimizer<optim.TxOptions>, {
    ...common,
    ...decay,
    tx: { values: [undefined, optim.sgd()] },
  }),
  ScheduleFreeSGD: entry<optim.ScheduleFreeSGDOptions>(optim.ScheduleFreeSGD, {
    ...common,
    ...decay,
    ...scheduleFree,
    momentum: { values: [0.9, 0.5] },
  }),
  ScheduleFreeAdamW: entry<optim.ScheduleFreeAdamWOptions>(
    optim.ScheduleFreeAdamW,
    {
      ...common,
      ...decay,
      ...scheduleFree,
      betas: { values: [[0.9, 0.999], [0.8, 0.9]] },
      eps: { values: [1e-8, 0.1] },
    },
  ),
  SGD: entry<optim.SGDOptions>(optim.SGD, {
    ...common,
    ...decay,
    momentum: { values: [0, 0.9] },
    nesterov: { with: { momentum: 0.9 }, values: [false, true] },
  }),
  Momentum: entry<optim.MomentumOptions>(optim.Momentum, {
    ...common,
    ...decay,
    momentum: { values: [0.9, 0.5] },
  }),
  MomentumNesterov: entry<optim.MomentumOptions>(optim.MomentumNesterov, {
    ...common,
    ...decay,
    momentum: { values: [0.9, 0.5] },
  }),
  Adam: entry<optim.AdamOptions>(optim.Adam, adam),
  AdamW: entry<optim.AdamWOptions>(optim.AdamW, adam),
  Adagrad: entry<optim.AdagradOptions>(optim.Adagrad, {
    ...common,
    ...decay,
    lrDecay: { values: [0, 0.5] },
    initialAccumulatorValue: { values: [0, 1] },
    eps: { values: [1e-10, 0.1] },
  }),
  Adadelta: entry<optim.AdadeltaOptions>(optim.Adadelta, {
    ...common,
    ...decay,
    rho: { values: [0.9, 0.5] },
    eps: { values: [1e-6, 1e-2] },
  }),
  RMSprop: entry<optim.RMSpropOptions>(optim.RMSprop, {
    ...common,
    ...decay,
    alpha: { values: [0.99, 0.5] },
    eps: { values: [1e-8, 0.1] },
    momentum: { values: [0, 0.9] },
    centered: { with: { eps: 0.1 }, values: [false, true] },
  }),
  Adamax: entry<optim.AdamaxOptions>(optim.Adamax, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-8, 0.1] },
  }),
  Nadam: entry<optim.NadamOptions>(optim.Nadam, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-8, 0.1] },
    momentumDecay: { values: [4e-3, 0.5] },
  }),
  RAdam: entry<optim.RAdamOptions>(optim.RAdam, {
    ...common,
    ...decay,
    betas,
    eps: { with: { betas: [0.9, 0.9] }, values: [1e-8, 0.1] },
  }),
  GaLore: entry<optim.GaLoreOptions>(optim.GaLore, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-6, 0.1] },
    rank: { values: [2, 1] },
    updateProjGap: { with: { rank: 1 }, values: [200, 2] },
    scale: { with: { rank: 2 }, values: [0.25, 1] },
    projectMask: { with: { rank: 2 }, values: [undefined, /vector/] },
  }),
  Lamb: entry<optim.LambOptions>(optim.Lamb, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-6, 0.1] },
    trustMask: { values: [undefined, optim.isMatrix] },
  }),
  Lars: entry<optim.LarsOptions>(optim.Lars, {
    ...common,
    ...decay,
    momentum: { values: [0.9, 0] },
    trustCoefficient: { values: [1e-3, 1e-2] },
    eps: { values: [1e-8, 0.1] },
    trustMask: { values: [undefined, optim.isMatrix] },
    // The ratio takes out the scale of a gradient, but not that of its elements.
    gradClipNorm: { with: { eps: 0.1 }, values: [null, 0.5] },
  }),
  Lookahead: entry<optim.LookaheadOptions>(optim.Lookahead, {
    ...common,
    ...decay,
    baseOptimizer: { values: [optim.sgd(), optim.momentum()] },
    syncPeriod: { values: [5, 2] },
    alpha: { values: [0.5, 0.1] },
  }, { baseOptimizer: optim.sgd() }),
  Cautious: entry<optim.CautiousOptions>(optim.Cautious, {
    ...common,
    ...decay,
    baseOptimizer: { values: [optim.sgd(), optim.momentum()] },
  }, { baseOptimizer: optim.momentum() }),
  GradientCentralization: entry<optim.GradientCentralizationOptions>(
    optim.GradientCentralization,
    {
      ...common,
      baseOptimizer: { values: [optim.sgd(), optim.momentum()] },
      centralizeMask: { values: [undefined, /vector/] },
    },
    { baseOptimizer: optim.sgd() },
  ),
  Yogi: entry<optim.YogiOptions>(optim.Yogi, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-3, 0.1] },
  }),
  LBFGS: entry<optim.LBFGSOptions>(optim.LBFGS, {
    ...common,
    memorySize: { values: [10, 1] },
    scaleInitPrecond: { values: [true, false] },
    // With a search, gradients alone are refused: see lbfgs_test.ts.
    linesearch: { values: [null, "zoom"] },
  }),
  Rprop: entry<optim.RpropOptions>(optim.Rprop, {
    ...common,
    // Only signs count: clipping may not change a step. It is compared with a
    // gradient that clipping makes zero.
    gradClipNorm: { values: [null, 1e-45] },
    gradClipValue: { values: [null, 1e-46] },
    etas: { values: [[0.5, 1.2], [0.7, 1.5]] },
    stepSizes: { values: [[1e-6, 50], [1e-6, 0.011]] },
  }),
  Adafactor: entry<optim.AdafactorOptions>(optim.Adafactor, {
    ...common,
    ...decay,
    gradClipNorm: { with: { eps: [0.1, 1e-3] }, values: [null, 0.5] },
    lr: { values: [null, 0.01] },
    eps: { values: [[1e-30, 1e-3], [0.1, 0.9]] },
    clipThreshold: { values: [1, 0.5] },
    decayRate: { values: [-0.8, -0.3] },
    beta1: { values: [null, 0.9] },
    factored: { with: { minDimSizeToFactor: 2 }, values: [true, false] },
    minDimSizeToFactor: { values: [128, 2] },
  }),
  AdaBelief: entry<optim.AdaBeliefOptions>(optim.AdaBelief, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-16, 1e-2] },
  }),
  Lion: entry<optim.LionOptions>(optim.Lion, {
    ...common,
    ...decay,
    betas: { values: [[0.9, 0.99], [0.1, 0.2]] },
    // Only signs count: a gradient clipped to zero has none.
    gradClipNorm: { values: [null, 1e-45] },
  }),
  Soap: entry<optim.SoapOptions>(optim.Soap, {
    ...common,
    ...decay,
    betas: { values: [[0.95, 0.95], [0.8, 0.9]] },
    shampooBeta: { with: { preconditionFrequency: 2 }, values: [null, 0.5] },
    eps: { values: [1e-8, 0.1] },
    preconditionFrequency: { values: [10, 2] },
    maxPreconditionDim: { values: [10000, 3] },
    precondition1d: { values: [false, true] },
    correctBias: { values: [true, false] },
    normalizeGrads: { values: [false, true] },
  }),
  Sophia: entry<optim.SophiaOptions>(SophiaOfQuadratic, {
    ...common,
    ...decay,
    betas: { values: [[0.96, 0.99], [0.5, 0.5]] },
    gamma: { with: { updatePeriod: 2 }, values: [0.01, 20] },
    eps: { values: [1e-12, 10] },
    updatePeriod: { with: { gamma: 20 }, values: [10, 2] },
    distribution: { with: { gamma: 20 }, values: ["gaussian", "rademacher"] },
    random: {
      with: { gamma: 20 },
      values: [new RandomState(1), new RandomState(2)],
    },
    // Almost only signs count, unless the denominator is large.
    gradClipNorm: { with: { eps: 10 }, values: [null, 0.5] },
    gradClipValue: { with: { eps: 10 }, values: [null, 0.2] },
  }),
  SM3: entry<optim.SM3Options>(optim.SM3, {
    ...common,
    ...decay,
    momentum: { values: [0.9, 0] },
    eps: { values: [1e-8, 0.5] },
  }),
  Muon: entry<optim.MuonOptions>(optim.Muon, {
    ...common,
    ...decay,
    momentum: { values: [0.95, 0.5] },
    nesterov: { values: [true, false] },
    scaling: { values: ["original", "match_rms_adamw"] },
    muonMask: { values: [undefined, /^none/] },
    nsSteps: { values: [5, 2] },
    nsCoefficients: { values: [undefined, [2, -1.5, 0.5]] },
    eps: { values: [1e-7, 10] },
    adamLr: { values: [undefined, 0.1] },
    adamBetas: { values: [[0.9, 0.999], [0.8, 0.9]] },
    adamEps: { values: [1e-8, 0.1] },
  }),
  Novograd: entry<optim.NovogradOptions>(optim.Novograd, {
    ...common,
    ...decay,
    betas,
    eps: { values: [1e-8, 0.5] },
  }),
  AdEMAMix: entry<optim.AdEMAMixOptions>(optim.AdEMAMix, {
    ...common,
    ...decay,
    betas: { values: [[0.9, 0.999, 0.9999], [0.9, 0.999, 0.9]] },
    alpha: { values: [5, 1] },
    alphaWarmup: { values: [null, 10] },
    beta3Warmup: { values: [null, 10] },
    eps: { values: [1e-8, 0.1] },
  }),
  Adopt: entry<optim.AdoptOptions>(optim.Adopt, {
    ...common,
    ...decay,
    betas: { values: [[0.9, 0.9999], [0.8, 0.9]] },
    eps: { values: [1e-6, 1] },
    clipping: { values: [true, false] },
    decoupled: { with: { weightDecay: 0.5 }, values: [false, true] },
  }),
  Adan: entry<optim.AdanOptions>(optim.Adan, {
    ...common,
    ...decay,
    betas: { values: [[0.98, 0.92, 0.99], [0.98, 0.5, 0.99]] },
    eps: { values: [1e-8, 0.1] },
    proximal: { with: { weightDecay: 0.5, lr: 0.1 }, values: [true, false] },
  }),
  Mars: entry<optim.MarsOptions>(optim.Mars, {
    ...common,
    ...decay,
    betas: { values: [[0.95, 0.99], [0.8, 0.9]] },
    eps: { values: [1e-8, 0.1] },
    gamma: { values: [0.025, 0.5] },
    correctionMask: { values: [undefined, /vector/] },
    plainBetas: { values: [[0.9, 0.95], [0.5, 0.6]] },
  }),
  Signum: entry<optim.SignumOptions>(optim.Signum, {
    ...common,
    ...decay,
    momentum: { values: [0.9, 0] },
    // Only signs count: a gradient clipped to zero has none.
    gradClipNorm: { values: [null, 1e-45] },
    gradClipValue: { with: { momentum: 0.9 }, values: [null, 0.2] },
  }),
  Asgd: entry<optim.AsgdOptions>(optim.Asgd, {
    ...common,
    ...decay,
    lambda: { values: [1e-4, 0.5] },
    alpha: { with: { lambda: 0.5 }, values: [0.75, 0] },
    t0: { values: [1e6, 0] },
  }),
  Ftrl: entry<optim.FtrlOptions>(optim.Ftrl, {
    ...common,
    l1: { values: [0, 0.5] },
    l2: { values: [0, 5] },
    l2Shrinkage: { values: [0, 0.5] },
    beta: { values: [0, 1] },
    initialAccumulatorValue: { values: [0.1, 1] },
  }),
  Prodigy: entry<optim.ProdigyOptions>(optim.Prodigy, {
    ...common,
    ...decay,
    ...distance,
    lr: { values: [1, 0.5] },
    eps: { with: { d0: 0.01 }, values: [1e-8, 10] },
    beta3: { with: { d0: 0.01 }, values: [null, 0.5] },
    dCoef: { with: { d0: 0.01 }, values: [1, 4] },
    growthRate: { with: { d0: 0.01, dCoef: 100 }, values: [Infinity, 1.01] },
    safeguardWarmup: {
      with: { d0: 0.01, dCoef: 100, lr: 0.5 },
      values: [false, true],
    },
  }),
  DAdaptAdamW: entry<optim.DAdaptAdamWOptions>(optim.DAdaptAdamW, {
    ...common,
    ...decay,
    ...distance,
    lr: { values: [1, 0.5] },
    eps: { with: { d0: 0.01 }, values: [1e-8, 0.5] },
  }),
  // Not in the library: what it takes to add one.
  LaProp: entry<LaPropOptions>(LaProp, {
    ...common,
    betas: { values: [[0.9, 0.999], [0.8, 0.9]] },
    eps: { values: [1e-15, 0.1] },
  }),
  Fromage: entry<optim.FromageOptions>(optim.Fromage, {
    ...common,
    momentum: { values: [0, 0.9] },
  }),
};
