/**
 * The learning rate range test.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkOptions, type OptionRules, refuse } from "../internal/check.ts";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type Parts,
} from "../checkpoint.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import * as random from "../random.ts";
import { currentPrecision } from "../backend/precision.ts";
import type { Batch } from "../data/batch.ts";
import {
  type BatchSource,
  isResumable,
  latestTensor,
  noBatch,
  passOver,
} from "../data/sources.ts";
import type { Measure } from "./measure.ts";
import type { FitOptions } from "./fit_options.ts";
import { FIT_RULES } from "./fit_rules.ts";
import { LossScale } from "./loss_scale.ts";
import { scaledGradient } from "./scaled_gradient.ts";
import { lossGradient } from "./loss_gradient.ts";
import { lineChart } from "./report/svg.ts";
import { averaging } from "./evaluation_weights.ts";
import { evaluatesAgain, steppingFor } from "./stepping.ts";
import { checkTakesGradients } from "./takes_gradients.ts";

/** Options of {@linkcode findLr}. */
export interface FindLrOptions<B extends Batch> {
  /** The optimizer, with parameters registered. */
  readonly optimizer: Optimizer;
  /** The function from a batch to the mean loss over its examples. */
  readonly loss: Measure<B>;
  /** The training data, repeated if it has fewer batches than `steps`. */
  readonly data: BatchSource<B>;
  /** The model, so that states that are not parameters are restored too. */
  readonly model?: Module;
  /** The first rate. @default {1e-6} */
  readonly minLr?: number;
  /** The last rate. @default {10} */
  readonly maxLr?: number;
  /** The number of steps, at least 5. @default {100} */
  readonly steps?: number;
  /** Stop when the loss is this many times the lowest. @default {4} */
  readonly divergence?: number;
}

/** The result of {@linkcode findLr}. */
export interface LrCurve {
  /** The rates tried. */
  readonly lrs: readonly number[];
  /** The smoothed loss at each rate. */
  readonly losses: readonly number[];
  /** The rate at which the loss falls fastest. */
  readonly suggestion: number;
}

const ACTION = "find a learning rate";

const RULES: OptionRules<FindLrOptions<Batch> & FitOptions<Batch>> = {
  ...FIT_RULES,
  minLr: "a positive finite number",
  maxLr: "a positive finite number",
  steps: "a positive integer",
  divergence: "a finite number greater than 1",
};

/** The factor of the old value in the moving average of the loss. */
const KEEP = 0.9;

/**
 * Train with a rate that rises from step to step, to find the rate at which the
 * loss falls fastest.
 *
 * ```text
 * lr(i) = minLr · (maxLr / minLr)^(i / (steps - 1))
 * ```
 *
 * Other options of `fit` are accepted and have no effect, so that one object of
 * options can be passed to both.
 *
 * In mixed precision the loss is scaled as by `fit`. A step with a gradient that is not
 * finite is not applied, but its loss is a point of the curve.
 *
 * Everything is restored at the end: parameters, optimizer, schedulers, the
 * default random state, the position in the data. Source: Smith 2015, "Cyclical
 * Learning Rates for Training Neural Networks"; the suggestion is fastai's
 * "steep".
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
 * @returns The curve, and the suggested rate.
 * @throws {RangeError} If an option is out of range, or the data has no batch.
 */
export async function findLr<B extends Batch>(
  options: FindLrOptions<B>,
): Promise<LrCurve> {
  checkOptions(ACTION, options, RULES);
  const { minLr = 1e-6, maxLr = 10, steps = 100, divergence = 4 } = options;
  if (maxLr <= minLr) {
    refuse(ACTION, "maxLr", `greater than minLr (${minLr})`, maxLr);
  }
  if (steps < 5) refuse(ACTION, "steps", "an integer of at least 5", steps);
  const { optimizer, model, data } = options;
  checkTakesGradients(ACTION, optimizer);
  const precision = currentPrecision();
  if (evaluatesAgain(optimizer) && precision !== "full") {
    const rule = `"full" with ${optimizer.constructor.name}`;
    refuse(ACTION, "the precision of useBackend", rule, precision);
  }
  const parts: Parts = {
    model: model ?? optimizer.paramStates,
    optimizer,
    random: random.default,
    ...(isResumable(data) ? { data } : {}),
  };
  const saved = await encodeCheckpoint(parts);
  const scale = currentPrecision() === "mixed" ? new LossScale() : undefined;
  const averages = averaging(optimizer);
  try {
    if (averages?.isSwapped) averages.swap(); // steps are taken at the other point
    const lrAt = (i: number) => minLr * (maxLr / minLr) ** (i / (steps - 1));
    const losses = await rise(options, lrAt, steps, divergence, scale);
    const lrs = losses.map((_, i) => lrAt(i));
    return { lrs, losses, suggestion: steepest(lrs, losses) };
  } finally {
    scale?.dispose();
    await decodeCheckpoint(saved, parts);
  }
}

/**
 * The curve of {@linkcode findLr} as a chart.
 *
 * @param curve The result of `findLr`.
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

/** The smoothed losses of steps with rising rates, up to divergence. */
async function rise<B extends Batch>(
  { optimizer, loss, data }: FindLrOptions<B>,
  lrAt: (i: number) => number,
  steps: number,
  divergence: number,
  scale: LossScale | undefined,
): Promise<number[]> {
  const since = latestTensor();
  const gradient = scale
    ? scaledGradient(loss, optimizer, scale)
    : lossGradient(loss, optimizer);
  const stepping = steppingFor(loss, optimizer);
  const losses: number[] = [];
  let mean = 0;
  while (true) {
    const before = losses.length;
    for await (const batch of passOver(ACTION, data, since)) {
      const [grads, scalar, gradSum] = gradient(...batch);
      // Both in one wait for the device.
      const [[value], sum] = await Promise.all([
        scalar.data(),
        gradSum?.data(),
      ]);
      const isFinite = !sum || Number.isFinite(sum[0]);
      gradSum?.dispose();
      scale?.update(isFinite);
      optimizer.currentLr = lrAt(losses.length);
      try {
        if (isFinite) stepping(...batch).step(grads);
        else tf.dispose({ ...grads });
      } catch (error) {
        tf.dispose([{ ...grads }, scalar]);
        throw error;
      }
      scalar.dispose();
      mean = KEEP * mean + (1 - KEEP) * value!;
      const smoothed = mean / (1 - KEEP ** (losses.length + 1));
      if (!(smoothed <= divergence * Math.min(...losses, smoothed))) {
        return losses;
      }
      losses.push(smoothed);
      if (losses.length === steps) return losses;
    }
    if (losses.length === before) throw noBatch(ACTION, data);
  }
}

/** The rate at which the loss falls fastest per factor of the rate. */
function steepest(lrs: readonly number[], losses: readonly number[]): number {
  let best = Math.min(1, losses.length - 1);
  let slope = Infinity;
  for (let i = 1; i < losses.length - 1; i++) {
    const rise = losses[i + 1]! - losses[i - 1]!;
    if (rise < slope) [best, slope] = [i, rise];
  }
  return lrs[best] ?? NaN;
}
