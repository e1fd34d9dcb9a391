/**
 * What is compared: optimizers, each with the learning rates of its sweep.
 *
 * @module
 */
import { optim } from "@braintape/braintape";

/** Steps of a run. */
export const STEPS = 500;
/** Steps of warmup. */
const WARMUP = 50;

/** An optimizer that is compared. */
export interface Compared {
  /** The rates that are tried. */
  readonly rates: readonly number[];
  /** The optimizer with one of them as its highest rate. */
  readonly make: (lr: number) => optim.Optimizer<optim.OptimizerOptions>;
}

/** Warmup to `baseLr`, then half a cosine down to a tenth of it. */
function cosine(baseLr: number): optim.LRScheduler {
  return new optim.WarmupCosineSchedule({
    baseLr,
    etaMin: baseLr / 10,
    warmupSteps: WARMUP,
    totalSteps: STEPS,
  });
}

/** What all of them have in common. */
const COMMON = {
  gradClipNorm: 1,
  weightDecay: 0.1,
  decayMask: optim.isMatrix,
} as const;

/** By name, in the order of the table. */
export const COMPARED: Readonly<Record<string, Compared>> = {
  AdamW: {
    rates: [2e-3, 4e-3, 8e-3, 16e-3],
    make: (lr) =>
      new optim.AdamW({ ...COMMON, lr: cosine(lr), betas: [0.9, 0.99] }),
  },
  Lion: {
    // A rate a tenth of AdamW's, and a decay ten times as large.
    rates: [4e-4, 8e-4, 16e-4, 32e-4],
    make: (lr) => new optim.Lion({ ...COMMON, lr: cosine(lr), weightDecay: 1 }),
  },
  Adafactor: {
    rates: [1e-3, 2e-3, 4e-3, 8e-3],
    make: (lr) => new optim.Adafactor({ ...COMMON, lr: cosine(lr) }),
  },
  Muon: {
    rates: [4e-3, 8e-3, 16e-3],
    make: (lr) =>
      new optim.Muon({
        ...COMMON,
        lr: cosine(lr),
        scaling: "match_rms_adamw",
        adamBetas: [0.9, 0.99],
      }),
  },
  AdEMAMix: {
    rates: [2e-3, 4e-3, 8e-3],
    make: (lr) =>
      new optim.AdEMAMix({
        ...COMMON,
        lr: cosine(lr),
        betas: [0.9, 0.99, 0.999],
        alphaWarmup: STEPS,
        beta3Warmup: STEPS,
      }),
  },
  SOAP: {
    rates: [2e-3, 4e-3, 8e-3, 16e-3],
    make: (lr) => new optim.Soap({ ...COMMON, lr: cosine(lr) }),
  },
  "Schedule-Free AdamW": {
    rates: [4e-3, 8e-3, 16e-3],
    make: (lr) =>
      new optim.ScheduleFreeAdamW({
        ...COMMON,
        lr,
        betas: [0.9, 0.99],
        warmupSteps: WARMUP,
      }),
  },
  Prodigy: {
    rates: [0.5, 1, 2, 4],
    make: (lr) =>
      new optim.Prodigy({
        ...COMMON,
        lr: cosine(lr),
        betas: [0.9, 0.99],
        safeguardWarmup: true,
      }),
  },
};
