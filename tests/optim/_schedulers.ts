/** Schedulers for the tests: from the reference file, and one of each kind. */
import * as schedulers from "../../optim/schedulers/mod.ts";
import {
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialDecayLR,
  ExponentialLR,
  InverseSqrtLR,
  LambdaLR,
  LinearLR,
  type LRScheduler,
  MultiplicativeLR,
  MultiStepLR,
  OneCycleLR,
  PiecewiseConstantSchedule,
  PolynomialLR,
  ReduceLROnPlateau,
  SequentialLR,
  StepLR,
  WarmupCosineSchedule,
  WarmupScheduler,
  WSDSchedule,
} from "../../optim/schedulers/mod.ts";

/** A scheduler as data: `scripts/golden/schedulers.py` writes it. */
export interface Spec {
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The rates of another library. */
export interface Case extends Spec {
  readonly source: string;
  /** The metrics that it was stepped with. */
  readonly metrics?: "falling" | "rising";
  /** A rate per epoch, from 0, or a list with one per group. */
  readonly rates: readonly (number | readonly number[])[];
}

export interface Golden {
  readonly falling: readonly number[];
  readonly rising: readonly number[];
  readonly cases: readonly Case[];
}

const file = await Deno.open(
  new URL("../golden/schedulers.json.gz", import.meta.url),
);
const unzip = new DecompressionStream("gzip");

export const golden: Golden = await new Response(
  file.readable.pipeThrough(unzip),
).json();

/** The functions that the script gives the same names. */
const FUNCTIONS: Record<string, (x: number) => number> = {
  harmonic: (e) => 1 / (1 + 0.01 * e),
  wave: (e) => 1.5 + Math.sin(0.1 * e),
  shrink: (e) => e % 3 ? 0.99 : 1.001,
  steady: () => 0.995,
  settle: (e) => 1 - 1 / (e + 1) ** 2,
  half_each: (cycle) => 0.5 ** (cycle - 1),
};

/** Make what `spec` says. */
export function build(spec: Spec): LRScheduler {
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([name, value]) => {
      if (name === "schedulers") return [name, (value as Spec[]).map(build)];
      const named = (value as { function?: string } | null)?.function;
      return [name, named === undefined ? value : FUNCTIONS[named]];
    }),
  );
  const classes = schedulers as unknown as Record<
    string,
    new (options: unknown) => LRScheduler
  >;
  return new classes[spec.class]!(options);
}

/** A metric that gets better, levels off, and is noisy: not the reference's. */
export function metricAt(epoch: number): number {
  return 1 / (1 + epoch / 50) + 0.1 * Math.abs(Math.sin(epoch * 12.9898));
}

/** Step `scheduler`, with the metric of the epoch that ends if it takes one. */
export function advance(scheduler: LRScheduler): void {
  if (scheduler.takesMetric) scheduler.step(metricAt(scheduler.lastEpoch));
  else scheduler.step();
}

const baseLr = [0.1, 0.03];

/** One of each class, two groups each. */
export const singles: Readonly<Record<string, () => LRScheduler>> = {
  StepLR: () => new StepLR({ baseLr, stepSize: 7, gamma: 0.9 }),
  MultiStepLR: () => new MultiStepLR({ baseLr, milestones: [3, 5, 5, 60] }),
  ExponentialLR: () => new ExponentialLR({ baseLr, gamma: 0.99 }),
  ExponentialDecayLR: () =>
    new ExponentialDecayLR({
      baseLr,
      decaySteps: 20,
      decayRate: 0.7,
      transitionBegin: 10,
      endValue: 0.005,
    }),
  CosineAnnealingLR: () =>
    new CosineAnnealingLR({ baseLr, tMax: 80, etaMin: 0.01 }),
  "CosineAnnealingLR of torch": () =>
    new CosineAnnealingLR({ baseLr, tMax: 30, variant: "torch" }),
  PolynomialLR: () => new PolynomialLR({ baseLr, totalIters: 150, power: 2 }),
  WarmupScheduler: () => new WarmupScheduler({ baseLr, warmupEpochs: 40 }),
  CyclicLR: () =>
    new CyclicLR({
      baseLr,
      maxLr: [0.2, 0.06],
      stepSizeUp: 10,
      stepSizeDown: 25,
      mode: "triangular2",
    }),
  OneCycleLR: () => new OneCycleLR({ maxLr: baseLr, totalSteps: 180 }),
  "OneCycleLR of braintools": () =>
    new OneCycleLR({ maxLr: baseLr, totalSteps: 180, variant: "braintools" }),
  ReduceLROnPlateau: () =>
    new ReduceLROnPlateau({ baseLr, patience: 4, cooldown: 3, factor: 0.7 }),
  "ReduceLROnPlateau of braintools": () =>
    new ReduceLROnPlateau({
      baseLr,
      patience: 4,
      cooldown: 3,
      factor: 0.7,
      variant: "braintools",
    }),
  LinearLR: () => new LinearLR({ baseLr, startFactor: 0.1, totalIters: 60 }),
  ConstantLR: () => new ConstantLR({ baseLr, factor: 0.2, totalIters: 30 }),
  CosineAnnealingWarmRestarts: () =>
    new CosineAnnealingWarmRestarts({ baseLr, t0: 9, tMult: 2, etaMin: 0.001 }),
  WarmupCosineSchedule: () =>
    new WarmupCosineSchedule({ baseLr, warmupSteps: 20, totalSteps: 150 }),
  PiecewiseConstantSchedule: () =>
    new PiecewiseConstantSchedule({
      boundaries: [30, 90],
      values: [[0.1, 0.05, 0.01], [0.2, 0.15, 0.03]],
    }),
  WSDSchedule: () =>
    new WSDSchedule({
      baseLr,
      warmupSteps: 15,
      totalSteps: 170,
      decaySteps: 60,
    }),
  InverseSqrtLR: () => new InverseSqrtLR({ baseLr, warmupSteps: 25 }),
  LambdaLR: () => new LambdaLR({ baseLr, lrLambda: (e) => 1 / (1 + e / 40) }),
  MultiplicativeLR: () =>
    new MultiplicativeLR({
      baseLr,
      lrLambda: [(e) => e % 3 ? 0.98 : 1.01, () => 0.99],
    }),
};

const warmup = () => singles.WarmupScheduler!();
const plateau = () => singles.ReduceLROnPlateau!();

/** Schedulers of schedulers, nested, without and with a plateau. */
export const compositions: Readonly<Record<string, () => LRScheduler>> = {
  ChainedScheduler: () =>
    new ChainedScheduler({
      schedulers: [warmup(), singles.StepLR!(), singles.CyclicLR!()],
    }),
  SequentialLR: () =>
    new SequentialLR({
      schedulers: [warmup(), singles.CosineAnnealingLR!(), singles.StepLR!()],
      milestones: [40, 110],
    }),
  "Chained of Sequential": () =>
    new ChainedScheduler({
      schedulers: [compositions.SequentialLR!(), singles.LambdaLR!()],
    }),
  "Sequential of Chained and Sequential": () =>
    new SequentialLR({
      schedulers: [
        compositions.ChainedScheduler!(),
        compositions.SequentialLR!(),
        singles.MultiplicativeLR!(),
      ],
      milestones: [30, 150],
    }),
  "Sequential with an absolute part": () =>
    new SequentialLR({
      schedulers: [warmup(), singles.PiecewiseConstantSchedule!()],
      milestones: [40],
    }),
  "Chained of a plateau": () =>
    new ChainedScheduler({ schedulers: [warmup(), plateau()] }),
  "Sequential of a warmup and a plateau": () =>
    new SequentialLR({ schedulers: [warmup(), plateau()], milestones: [40] }),
  "Sequential of plateaus": () =>
    new SequentialLR({
      schedulers: [plateau(), singles["ReduceLROnPlateau of braintools"]!()],
      milestones: [90],
    }),
  "Sequential of Chained of plateaus": () =>
    new SequentialLR({
      schedulers: [
        singles.LinearLR!(),
        new ChainedScheduler({
          schedulers: [plateau(), singles.ExponentialLR!()],
        }),
        singles.CosineAnnealingLR!(),
      ],
      milestones: [25, 130],
    }),
};

export const all = { ...singles, ...compositions };
