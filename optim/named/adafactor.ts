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
  const { decayRate = -0.8, eps: [eps] = [1e-30, 1e-3] } = options;
  const { factored = true, minDimSizeToFactor = 128 } = options;
  const axesOf = (shape: readonly number[]) =>
    factored ? largestAxes(shape, minDimSizeToFactor) : undefined;
  const weight = (t: number) => t ** -Math.abs(decayRate);
  const scalars = {
    kept: ({ t }: tx.StepInfo) => 1 - weight(t),
    added: ({ t }: tx.StepInfo) => weight(t),
  };
  const whole = tx.elementwise({
    slots: { v: 0 },
    scalars,
    update({ update: g, v }, { kept, added }) {
      const square = g.square().add(eps);
      const bounded = square.sub(GREATEST).select(GREATEST, square);
      v = v.mul(kept).add(bounded.mul(added));
      return { update: g.div(v.sqrt()), v };
    },
  });
  const byAxes = tx.perTensor({
    init({ shape }): Tensors {
      const [row, column] = axesOf(shape)!.map((axis) =>
        tf.zeros(shape.filter((_, i) => i !== axis))
      );
      return { row: row!, column: column! };
    },
    scalars,
    update({ update: g, slots: { row, column }, scalars }, { shape }) {
      const q = bounded(tf.add(tf.square(g), eps));
      const mean = (old: tf.Tensor, x: tf.Tensor) =>
        tf.add(tf.mul(old, scalars["kept"]!), tf.mul(x, scalars["added"]!));
      const [largest, second] = axesOf(shape)!;
      const r = mean(row!, tf.mean(q, largest));
      const c = mean(column!, tf.mean(q, second));
      const rows = tf.expandDims(r, largest);
      const factor = tf.div(rows, tf.mean(rows, second, true));
      const update = tf.div(
        tf.div(g, tf.sqrt(factor)),
        tf.sqrt(tf.expandDims(c, second)),
      );
      return { update, slots: { row: r, column: c } };
    },
  });
  if (!factored) return whole;
  return tx.partition(
    (_path, shape) => axesOf(shape) ? "factored" : "whole",
    { factored: byAxes, whole },
  );
}

/** The greatest square that is reckoned with, so that means of squares are finite. */
const GREATEST = 1e34;

/** `x`, at most {@linkcode GREATEST}. */
function bounded(x: tf.Tensor): tf.Tensor {
  const limit = tf.fill(x.shape, GREATEST);
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
  const { lr } = options;
  return adafactorOf(options, lr === undefined ? undefined : lr === null);
}

/** {@linkcode adafactor}, with relative steps or not; `undefined`: where no optimizer gives a rate. */
function adafactorOf(
  options: AdafactorOptions,
  isRelative: boolean | undefined,
): tx.GradientTransformation {
  const { clipThreshold = 1 } = options;
  return {
    ...tx.chain(
      ...tx.clips(options),
      scaleByFactoredRms(pick(options, SCALE_RULES)),
      ...(clipThreshold === null ? [] : [tx.clipByBlockRms(clipThreshold)]),
      adafactorStep(options, isRelative),
    ),
    defaultLr: 1,
  };
}

function adafactorStep(
  options: AdafactorOptions,
  isRelative: boolean | undefined,
): tx.GradientTransformation {
  const { lr, eps: [, eps] = [1e-30, 1e-3], beta1 = null } = options;
  const rate = tx.rateOf(lr, 1);
  const relative = (info: tx.StepInfo) => isRelative ?? info.lr === undefined;
  const slots: Record<string, tx.SlotStart> = beta1 === null ? {} : { m: 0 };
  return tx.elementwise({
    slots,
    scalars: {
      rate: (info) => {
        const most = relative(info) ? Math.min(1e-2, 1 / Math.sqrt(info.t)) : 1;
        return rate(info) * most;
      },
      relative: (info) => relative(info) ? 1 : 0,
      decay: tx.decayOf(options),
    },
    update({ update: g, param, m }, { rate, relative, decay }) {
      const size = isRelative === false
        ? 1
        : relative.select(rms(param).max(eps), 1);
      const alpha = rate.mul(size);
      let u = g.mul(alpha);
      if (m && beta1 !== null) u = m = tx.runningMean(m, u, beta1);
      const update = u.add(param.mul(alpha.mul(decay))).neg();
      return { update, ...(m && { m }) };
    },
  });
}

function rms(x: tx.Expr): tx.Expr {
  return x.square().sum().div(tx.Expr.constant(1).sum()).sqrt();
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
    checkOptions("create Adafactor", options, RULES);
    return adafactorOf({ ...options, lr: undefined }, isRelative);
  }
}
