/**
 * The learning rate range test.
 *
 * @module
 */
import { grad } from "../autodiff/mod.ts";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type Parts,
} from "../checkpoint.ts";
import { environ } from "../environ.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import * as random from "../random.ts";
import type { Batch } from "../data/batches.ts";
import type { BatchSource } from "../data/sources.ts";
import type { Measure } from "./evaluate.ts";
import { lineChart } from "./report/svg.ts";

/** Options of {@linkcode findLr}. */
export interface FindLrOptions<B extends Batch> {
  /** With the parameters registered. */
  readonly optimizer: Optimizer;
  /** From a batch to the mean loss over its examples. */
  readonly loss: Measure<B>;
  /** The training data; gone through again if it is short. */
  readonly data: BatchSource<B>;
  /** The model, for states that are not parameters: they are restored too. */
  readonly model?: Module;
  /** The first rate. @default {1e-6} */
  readonly minLr?: number;
  /** The last rate. @default {10} */
  readonly maxLr?: number;
  /** How many steps to try. @default {100} */
  readonly steps?: number;
  /** Stop when the loss is this many times the lowest. @default {4} */
  readonly divergence?: number;
}

/** What {@linkcode findLr} found. */
export interface LrCurve {
  /** The rates tried. */
  readonly lrs: readonly number[];
  /** The loss at each, smoothed. */
  readonly losses: readonly number[];
  /** Where the loss falls fastest. */
  readonly suggestion: number;
}

/** How much of the smoothed loss each step keeps. */
const KEEP = 0.9;

/**
 * Train with a rate that rises from step to step, and see at which one the loss
 * falls fastest, and where it diverges.
 *
 * ```text
 * lr(i) = minLr · (maxLr / minLr)^(i / (steps - 1))
 * ```
 *
 * Everything is restored at the end: parameters, optimizer, schedulers, the
 * default random state, the place in the data. (Smith 2015, "Cyclical Learning
 * Rates for Training Neural Networks"; the suggestion is fastai's "steep".)
 *
 * @example Usage
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const x = train.column(Float32Array.of(0, 1, 2, 3), [1]);
 * const { suggestion } = await train.findLr({
 *   optimizer: new optim.SGD().registerTrainableWeights(model.states(ParamState)),
 *   loss: (x) => tf.mean<tf.Scalar>(tf.square(tf.sub(model.call(x), 1))),
 *   data: train.batches([x]),
 * });
 * assert(suggestion > 1e-4 && suggestion < 1);
 * ```
 *
 * @typeParam B The tensors of a batch.
 * @param options See {@linkcode FindLrOptions}.
 * @returns The curve, and a rate to begin with.
 * @throws {RangeError} If an option is out of range, or the data has no batch.
 */
export async function findLr<B extends Batch>(
  options: FindLrOptions<B>,
): Promise<LrCurve> {
  const { minLr = 1e-6, maxLr = 10, steps = 100, divergence = 4 } = options;
  if (!(minLr > 0 && maxLr > minLr && Number.isFinite(maxLr))) {
    throw new RangeError(
      `Cannot find a learning rate: 0 < minLr < maxLr must hold: current values are ${minLr} and ${maxLr}`,
    );
  }
  if (!Number.isSafeInteger(steps) || steps < 5) {
    throw new RangeError(
      `Cannot find a learning rate: steps must be an integer of at least 5: current value is ${steps}`,
    );
  }
  const { optimizer, model, data } = options;
  const parts: Parts = {
    model: model ?? optimizer.paramStates,
    optimizer,
    random: random.default,
    ...("stateDict" in data ? { data: data as unknown as Parts[string] } : {}),
  };
  const saved = await encodeCheckpoint(parts);
  try {
    const lrAt = (i: number) => minLr * (maxLr / minLr) ** (i / (steps - 1));
    const losses = await rise(options, lrAt, steps, divergence);
    const lrs = losses.map((_, i) => lrAt(i));
    return { lrs, losses, suggestion: steepest(lrs, losses) };
  } finally {
    await decodeCheckpoint(saved, parts);
  }
}

/**
 * The curve of {@linkcode findLr} as a chart.
 *
 * @param curve What it returned.
 * @returns An `<svg>` element.
 */
export function lrChart({ lrs, losses, suggestion }: LrCurve): string {
  return lineChart({
    title: "Loss by learning rate",
    x: "learning rate",
    logX: true,
    series: [{
      name: "loss",
      marks: false,
      points: lrs.map((lr, i) => [lr, losses[i]!] as const),
    }],
    mark: { x: suggestion, label: suggestion.toExponential(1) },
  });
}

/** The smoothed losses of steps with rising rates, until they diverge. */
async function rise<B extends Batch>(
  { optimizer, loss, data }: FindLrOptions<B>,
  lrAt: (i: number) => number,
  steps: number,
  divergence: number,
): Promise<number[]> {
  const lossGrad = grad((...batch: B) => loss(...batch), {
    states: optimizer.paramStates,
    returnValue: true,
  });
  const losses: number[] = [];
  let mean = 0;
  while (true) {
    const before = losses.length;
    for await (const batch of data) {
      const [grads, scalar] = environ.context(
        { fit: true },
        () => lossGrad(...batch),
      );
      optimizer.currentLr = lrAt(losses.length);
      optimizer.step(grads);
      const value = (await scalar.data())[0]!;
      scalar.dispose();
      mean = KEEP * mean + (1 - KEEP) * value;
      const smoothed = mean / (1 - KEEP ** (losses.length + 1));
      if (!(smoothed <= divergence * Math.min(...losses, smoothed))) {
        return losses;
      }
      losses.push(smoothed);
      if (losses.length === steps) return losses;
    }
    if (losses.length === before) {
      throw new RangeError(
        "Cannot find a learning rate: the data must give a batch",
      );
    }
  }
}

/** The rate at which the loss falls fastest, over factors of the rate. */
function steepest(lrs: readonly number[], losses: readonly number[]): number {
  let best = Math.min(1, losses.length - 1);
  let slope = Infinity;
  for (let i = 1; i < losses.length - 1; i++) {
    const rise = losses[i + 1]! - losses[i - 1]!;
    if (rise < slope) [best, slope] = [i, rise];
  }
  return lrs[best] ?? NaN;
}
