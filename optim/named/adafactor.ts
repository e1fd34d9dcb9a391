/**
 * Adafactor.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  checkOptions,
  type OptionRules,
  orNull,
  pair,
  pick,
} from "../../internal/check.ts";
import type { Tensors } from "../../tensors.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByFactoredRms}. */
export interface ScaleByFactoredRmsOptions {
  /** The exponent of the decay rate 1 - t^-|decayRate|. Default: -0.8. */
  readonly decayRate?: number | undefined;
  /**
   * Lower bounds of squares, and of steps relative to a parameter.
   * Default: [1e-30, 1e-3].
   */
  readonly eps?: readonly [number, number] | undefined;
  /** Whether matrices keep only the means of rows and columns. Default: true. */
  readonly factored?: boolean | undefined;
  /** The least size of the two largest axes to factor. Default: 128. */
  readonly minDimSizeToFactor?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByFactoredRmsOptions> = {
  decayRate: "a finite number other than 0",
  eps: pair("a nonnegative finite number", "a nonnegative finite number"),
  factored: boolean,
  minDimSizeToFactor: "a positive integer",
};

/**
 * Divide each gradient by its root mean square, of which matrices keep only the
 * means of rows and of columns.
 *
 * ```text
 * β = 1 - t^(-decay)      q = g² + ε₁
 * R ← β R + (1 - β) mean of q over columns      C ← the same over rows
 * u = g / √(R Cᵀ / mean R)      unfactored: v ← β v + (1 - β) q, u = g / √v
 * ```
 *
 * {@link https://arxiv.org/abs/1804.04235 | Shazeer and Stern, 2018}.
 *
 * @param options See {@linkcode ScaleByFactoredRmsOptions}.
 * @returns The transformation.
 */
export function scaleByFactoredRms(
  options: ScaleByFactoredRmsOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByFactoredRms", options, SCALE_RULES);
  const { decayRate = -0.8, eps = [1e-30, 1e-3] } = options;
  const { factored = true, minDimSizeToFactor = 128 } = options;
  const axesOf = (shape: readonly number[]) =>
    factored ? largestAxes(shape, minDimSizeToFactor) : undefined;
  return tx.perTensor({
    init({ shape }): Tensors {
      const axes = axesOf(shape);
      if (!axes) return { v: tf.zeros(shape) };
      const [row, column] = axes.map((axis) =>
        tf.zeros(shape.filter((_, i) => i !== axis))
      );
      return { row: row!, column: column! };
    },
    update({ update: g, slots: { v, row, column } }, { t, shape }) {
      const weight = t ** -Math.abs(decayRate); // 1 - β
      const q = bounded(tf.add(tf.square(g), eps[0]));
      const mean = (old: tf.Tensor, x: tf.Tensor) =>
        tf.add(tf.mul(old, 1 - weight), tf.mul(x, weight));
      const axes = axesOf(shape);
      if (!axes) {
        const next = mean(v!, q);
        return { update: tf.div(g, tf.sqrt(next)), slots: only({ v: next }) };
      }
      const [largest, second] = axes;
      const r = mean(row!, tf.mean(q, largest));
      const c = mean(column!, tf.mean(q, second));
      const rows = tf.expandDims(r, largest);
      const factor = tf.div(rows, tf.mean(rows, second, true));
      const update = tf.div(
        tf.div(g, tf.sqrt(factor)),
        tf.sqrt(tf.expandDims(c, second)),
      );
      return { update, slots: only({ row: r, column: c }) };
    },
  });
}

/** Slots, which differ with the options. */
function only(slots: Tensors): Tensors {
  return slots;
}

/** `x`, at most 1e34, so that means of it are finite. */
function bounded(x: tf.Tensor): tf.Tensor {
  const limit = tf.fill(x.shape, 1e34);
  return tf.where(tf.greater(x, limit), limit, x);
}

/** The largest axis and the second one, if both are long enough. */
function largestAxes(
  shape: readonly number[],
  least: number,
): [number, number] | undefined {
  const order = shape.map((_, i) => i).sort((a, b) => shape[a]! - shape[b]!);
  const [second, largest] = order.slice(-2);
  if (largest === undefined || shape[second!]! < least) return undefined;
  return [largest, second!];
}

/** Options of {@linkcode adafactor}. */
export interface AdafactorOptions
  extends
    tx.OptimizerOptions,
    tx.WeightDecayOptions,
    ScaleByFactoredRmsOptions {
  /** The greatest root mean square of an update; `null`: none. Default: 1. */
  readonly clipThreshold?: number | null | undefined;
  /** Decay rate of the mean update; `null`: no mean. Default: null. */
  readonly beta1?: number | null | undefined;
}

const RULES: OptionRules<AdafactorOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  clipThreshold: orNull("a positive finite number"),
  beta1: orNull("in [0, 1)"),
};

/**
 * Adafactor: second moments in little memory, and steps relative to the size of
 * parameters.
 *
 * ```text
 * u = scaleByFactoredRms(g)      u ← u / max(1, RMS(u) / clipThreshold)
 * α = min(10⁻², 1/√t) max(ε₂, RMS(θ)), or lr if there is one
 * m ← β₁ m + (1 - β₁) α u        or α u without β₁
 * θ ← θ - m - α λ θ
 * ```
 *
 * The rule of the paper and of Hugging Face's implementation.
 *
 * @param options With `lr: null`, steps are relative, times the rate of the
 * optimizer that applies it. `weightDecay` is 0 by default.
 * @returns The transformation.
 */
export function adafactor(
  options: AdafactorOptions = {},
): tx.GradientTransformation {
  checkOptions("create Adafactor", options, RULES);
  return {
    ...tx.chain(
      ...tx.clips(options),
      scaleByFactoredRms(pick(options, SCALE_RULES)),
      adafactorStep(options),
    ),
    defaultLr: 1,
  };
}

function adafactorStep(options: AdafactorOptions): tx.GradientTransformation {
  const { lr, eps = [1e-30, 1e-3], clipThreshold = 1, beta1 = null } = options;
  const { weightDecay = 0, decayMask } = options;
  const rate = tx.rateOf(lr, 1);
  return tx.perTensor({
    init: ({ shape }): Tensors => beta1 === null ? {} : { m: tf.zeros(shape) },
    update({ update: u, param, slots: { m } }, info) {
      const relative = lr === null ||
        (lr === undefined && info.lr === undefined);
      const alpha = tf.mul(
        rate(info) * (relative ? Math.min(1e-2, 1 / Math.sqrt(info.t)) : 1),
        relative ? tf.maximum(rms(param), eps[1]) : tf.scalar(1),
      );
      if (clipThreshold !== null) {
        u = tf.div(u, tf.maximum(1, tf.div(rms(u), clipThreshold)));
      }
      u = tf.mul(u, alpha);
      if (m) u = tf.add(tf.mul(m, beta1!), tf.mul(u, 1 - beta1!));
      const mean = u;
      if (weightDecay > 0 && tx.matches(decayMask, info.path, info.shape)) {
        u = tf.add(u, tf.mul(param, tf.mul(alpha, weightDecay)));
      }
      return { update: tf.neg(u), slots: only(m ? { m: mean } : {}) };
    },
  });
}

function rms(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.mean(tf.square(x)));
}

/**
 * The optimizer of {@linkcode adafactor}.
 *
 * Take it for large models: of a matrix of at least 128 by 128 it keeps a row and a
 * column. T5 was trained with it.
 */
export class Adafactor extends Optimizer<AdafactorOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options Without `lr`, steps are relative, and the rate (1 by default)
   * multiplies them. `weightDecay` is 0 by default.
   */
  constructor(options: AdafactorOptions = {}) {
    super(options);
  }

  /** The transformation of the class. */
  protected override defaultTx(
    options: AdafactorOptions,
    lr: AdafactorOptions["lr"],
  ): tx.GradientTransformation {
    const isRelative = lr === undefined || lr === null;
    return adafactor({ ...options, lr: isRelative ? null : undefined });
  }
}
