/**
 * Batch normalization.
 *
 * @module
 */
import {
  batchNormalize,
  type BatchNormalized,
  type BatchNormalizeOptions,
} from "../../backend/ops/batch_normalize.ts";
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { BatchState, type ParamState } from "../../state.ts";
import { One, Zero } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { axesOf } from "./window.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** Options of batch normalization. */
export interface BatchNormOptions {
  /** The share of the running statistics that a step keeps. Default: 0.99. */
  readonly momentum?: number;
  /** Added to the variance. Default: 1e-5. */
  readonly eps?: number;
  /** Whether to learn a scale (`weight`) and a shift (`bias`). Default: true. */
  readonly affine?: boolean;
  /**
   * Whether to keep running statistics. Without them, evaluation uses the batch's
   * statistics as training does. Default: true.
   */
  readonly trackRunningStats?: boolean;
}

/** Is told the statistics of each batch: the mean, the variance and the count. */
export type StatisticsCollector = (
  norm: BatchNorm<tf.Tensor>,
  mean: tf.Tensor,
  variance: tf.Tensor,
  count: number,
) => void;

let collector: StatisticsCollector | undefined;

/** Runs `fn`, and tells `collect` the statistics of all batches normalized in it. */
export function collectStatistics<T>(
  collect: StatisticsCollector,
  fn: () => T,
): T {
  const outer = collector;
  collector = collect;
  try {
    return fn();
  } finally {
    collector = outer;
  }
}

/** Adds up over several processes, each of which has a part of a batch. */
export interface SumOverParts {
  /** The sum of a tensor; differentiable. */
  tensor(x: tf.Tensor): tf.Tensor;
  /** The sum of a number. */
  number(x: number): number;
}

let parts: SumOverParts | undefined;

/** Runs `fn`; batches normalized in it are parts of larger ones, whose statistics count. */
export function withParts<T>(sum: SumOverParts, fn: () => T): T {
  const outer = parts;
  parts = sum;
  try {
    return fn();
  } finally {
    parts = outer;
  }
}

const RULES: OptionRules<BatchNormOptions> = {
  momentum: "in [0, 1)",
  eps: "a positive number",
  affine: boolean,
  trackRunningStats: boolean,
};

/**
 * Batch normalization of each channel: the base of {@linkcode BatchNorm0d} to
 * {@linkcode BatchNorm3d}.
 *
 * ```text
 * y = (x - mean) / √(variance + ε) weight + bias
 *
 * fit:      mean and variance of the batch, over all axes but the last;
 *           running ← momentum running + (1 - momentum) batch
 * else:     the running ones, which stay as they are
 * ```
 *
 * Reads `environ.fit`. The variance is the biased one, divided by the number
 * of values, here as in the running statistics. (Ioffe and Szegedy 2015, "Batch
 * Normalization".)
 *
 * | | here, brainstate, Keras | torch |
 * | --- | --- | --- |
 * | `momentum` | the share kept, 0.99 | the share taken, 0.1 |
 * | running variance | biased | unbiased: n / (n - 1) times as large |
 *
 * @typeParam T The rank of input and output.
 */
export abstract class BatchNorm<T extends tf.Tensor> extends Module {
  /** The number of axes between batch and channels. */
  static readonly axes: number;
  /** The scale, `[channels]`. */
  readonly weight: ParamState<tf.Tensor1D> | null;
  /** The shift, `[channels]`. */
  readonly bias: ParamState<tf.Tensor1D> | null;
  /** `[channels]` */
  readonly runningMean: BatchState<tf.Tensor1D> | null;
  /** `[channels]` */
  readonly runningVar: BatchState<tf.Tensor1D> | null;
  /** The share of the running statistics that a step keeps. */
  readonly momentum: number;
  /** Added to the variance. */
  readonly eps: number;
  /** The number of channels. */
  readonly inSize: Size;
  readonly #rank: number;

  /**
   * Create parameters and statistics.
   *
   * @param inSize The number of channels, or a size that ends in it.
   * @param options See {@linkcode BatchNormOptions}.
   */
  constructor(
    inSize: number | Size,
    options: BatchNormOptions = {},
  ) {
    super();
    const { name } = new.target;
    const axes = axesOf(new.target);
    checkOptions(`create ${name}`, options, RULES);
    const {
      momentum = 0.99,
      eps = 1e-5,
      affine = true,
      trackRunningStats = true,
    } = options;
    const channels = lastAxis(name, "inSize", inSize);
    this.#rank = axes + 2;
    this.inSize = [channels];
    this.momentum = momentum;
    this.eps = eps;
    const state = (what: string, value: number) =>
      scope(() =>
        new BatchState<tf.Tensor1D>(tf.fill([channels], value), {
          name: `${name}.${what}`,
        })
      );
    this.weight = affine
      ? param(`${name}.weight`, new One(), [channels])
      : null;
    this.bias = affine ? param(`${name}.bias`, new Zero(), [channels]) : null;
    this.runningMean = trackRunningStats ? state("runningMean", 0) : null;
    this.runningVar = trackRunningStats ? state("runningVar", 1) : null;
  }

  /** The size of the input. */
  outSize(inSize: Size): Size {
    checkSize(this.constructor.name, this.inSize, inSize);
    return inSize;
  }

  /** `[batch, ..., channels]` to the same. */
  override update(x: T): T {
    checkInput(this.constructor.name, x, this.inSize, this.#rank);
    const fit = environ.get("fit"), own = x.size / x.shape.at(-1)!;
    const count = fit && parts ? parts.number(own) : own;
    if (fit && count === 1) {
      throw new RangeError(
        `Cannot call ${this.constructor.name}: training needs more than one value per channel: current shape is [${
          x.shape.join(", ")
        }]`,
      );
    }
    return scope(() => {
      const given = floats(x);
      const { runningMean, runningVar, eps } = this;
      const weight = this.weight?.value, bias = this.bias?.value;
      if (fit || !runningMean || !runningVar) {
        const options = { eps, weight, bias };
        const { y, mean, variance } = fit && parts
          ? normalizePart(given, parts, count, options)
          : batchNormalize(given, options);
        if (fit && runningMean && runningVar) {
          collector?.(this, mean, variance, count);
          this.#track(runningMean, mean as tf.Tensor1D);
          this.#track(runningVar, variance as tf.Tensor1D);
        }
        return y as T;
      }
      const inverse = tf.rsqrt(tf.add(runningVar.value, eps));
      const scale = weight ? tf.mul(inverse, weight) : inverse;
      const y = tf.mul(tf.sub(given, runningMean.value), scale);
      return (bias ? tf.add(y, bias) : y) as T;
    });
  }

  #track(running: BatchState<tf.Tensor1D>, batch: tf.Tensor1D) {
    running.value = tf.add(
      tf.mul(running.value, this.momentum),
      tf.mul(batch, 1 - this.momentum),
    );
  }
}

/** `x` normalized by the statistics of all parts, which have `count` values per channel. */
function normalizePart(
  x: tf.Tensor,
  sum: SumOverParts,
  count: number,
  { eps, weight, bias }: BatchNormalizeOptions,
): BatchNormalized {
  const axes = x.shape.slice(1).map((_, i) => i);
  const over = (y: tf.Tensor) => tf.div(sum.tensor(tf.sum(y, axes)), count);
  const mean = over(x), centered = tf.sub(x, mean);
  const variance = over(tf.square(centered));
  const inverse = tf.rsqrt(tf.add(variance, eps));
  const y = tf.mul(centered, weight ? tf.mul(inverse, weight) : inverse);
  return { y: bias ? tf.add(y, bias) : y, mean, variance };
}

/** Batch normalization of features: `[batch, features]`. */
export class BatchNorm0d extends BatchNorm<tf.Tensor2D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 0;
}

/** Batch normalization of sequences: `[batch, length, channels]`. */
export class BatchNorm1d extends BatchNorm<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * Batch normalization of images: `[batch, height, width, channels]`.
 *
 * @example Usage
 * ```ts
 * import { environ, nn, random, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const norm = new nn.BatchNorm2d(3, { momentum: 0.9 });
 * const x = random.normal<tf.Rank.R4>([4, 5, 5, 3], { mean: 10 });
 * environ.context({ fit: true }, () => norm.call(x));
 * const [mean] = await norm.runningMean!.value.data();
 * assertAlmostEquals(mean!, 0.9 * 0 + 0.1 * 10, 0.05);
 * ```
 */
export class BatchNorm2d extends BatchNorm<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/** Batch normalization of volumes: `[batch, depth, height, width, channels]`. */
export class BatchNorm3d extends BatchNorm<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}
