/**
 * SOAP.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  checkOptions,
  type OptionRules,
  orNull,
  pick,
} from "../../internal/check.ts";
import { Expr } from "../../backend/fusion/mod.ts";
import type { Tensors } from "../../tensors.ts";
import { eigenbasis, nextEigenbasis } from "../linear_algebra/eigenbasis.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";
import { kernelOfOne, nextMean, runKernel } from "../transforms/run_kernel.ts";

/** Options of {@linkcode scaleBySoap}. */
export interface ScaleBySoapOptions {
  /** Decay rates of the mean gradient and mean square. Default: [0.95, 0.95]. */
  readonly betas?: readonly [number, number] | undefined;
  /** The decay rate of the products of gradients; `null`: β₂. Default: null. */
  readonly shampooBeta?: number | null | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
  /** Steps from one change of the bases to the next. Default: 10. */
  readonly preconditionFrequency?: number | undefined;
  /** The longest axis that gets a basis; longer ones stay as they are. Default: 10000. */
  readonly maxPreconditionDim?: number | undefined;
  /** Whether vectors get a basis. Default: false. */
  readonly precondition1d?: boolean | undefined;
  /** Whether the means are corrected for their start at 0. Default: true. */
  readonly correctBias?: boolean | undefined;
  /**
   * Whether each step of a parameter has a root mean square of 1 before that correction.
   * Its authors take it where bases change rarely. Default: false.
   */
  readonly normalizeGrads?: boolean | undefined;
}

const SCALE_RULES: OptionRules<ScaleBySoapOptions> = {
  betas: tx.betas,
  shampooBeta: orNull("in [0, 1)"),
  eps: "a nonnegative finite number",
  preconditionFrequency: "a positive integer",
  maxPreconditionDim: "a positive integer",
  precondition1d: boolean,
  correctBias: boolean,
  normalizeGrads: boolean,
};

const X = Expr.input("x"), OLD = Expr.input("old");
const KEPT = Expr.scalar("kept"), ADDED = Expr.scalar("added");

/** `β v + (1 - β) x²` */
const MEAN_SQUARE = kernelOfOne(OLD.mul(KEPT).add(X.mul(ADDED).mul(X)), true);

/** `m / (√v + ε)` */
const SCALED = kernelOfOne(
  X.div(Expr.input("v").sqrt().add(Expr.scalar("eps"))),
);

/**
 * Adam in the eigenbases of Shampoo's products of gradients.
 *
 * ```text
 * for a matrix, with one basis for each axis:
 * m ← β₁ m + (1 - β₁) g      v ← β₂ v + (1 - β₂) (Qₗᵀ g Qᵣ)²
 * u = √(1 - β₂ᵗ) / (1 - β₁ᵗ) Qₗ (Qₗᵀ m Qᵣ / (√v + ε)) Qᵣᵀ
 * L ← β L + (1 - β) g gᵀ      R ← β R + (1 - β) gᵀ g
 * every so many steps: Qₗ ← Q of the QR decomposition of L Qₗ, Qᵣ of that of R Qᵣ
 * ```
 *
 * The first step makes the bases, of eigenvectors, and u is 0 in it. A tensor of more axes
 * has a basis for each.
 *
 * Bases change on the host in float64: of an axis of 512 numbers that takes some tenths of
 * a second, in time with the third power of the length. Set `maxPreconditionDim` below
 * what is longer. In browsers on WebGPU, where tensors cannot be read in a step, steps
 * are refused.
 *
 * {@link https://arxiv.org/abs/2409.11321 | Vyas et al., 2024}, as in their
 * implementation.
 *
 * @param options See {@linkcode ScaleBySoapOptions}.
 * @returns The transformation.
 */
export function scaleBySoap(
  options: ScaleBySoapOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleBySoap", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.95, 0.95], shampooBeta, eps = 1e-8 } = options;
  const { preconditionFrequency = 10, correctBias = true, normalizeGrads } =
    options;
  const { maxPreconditionDim = 10000, precondition1d = false } = options;
  const beta = shampooBeta ?? b2;
  const axesOf = (shape: readonly number[]) =>
    shape.length === 1 && !precondition1d
      ? []
      : shape.map((_, axis) => axis).filter((axis) => {
        const length = shape[axis]!;
        return length > 0 && length <= maxPreconditionDim;
      });
  const isDue = (t: number) => (t - 1) % preconditionFrequency === 0;
  return tx.perTensor({
    init: ({ shape }): Tensors => ({
      m: tf.zeros(shape),
      v: tf.zeros(shape),
      ...Object.fromEntries(
        axesOf(shape).flatMap((axis) => {
          const n = shape[axis]!;
          return [
            [`gram${axis}`, tf.zeros([n, n])],
            [`basis${axis}`, tf.eye(n)],
          ];
        }),
      ),
    }),
    scalars: {
      correction({ t }) {
        const k = t - 1; // the first step does not count
        return Math.sqrt(1 - b2 ** k) / (1 - b1 ** k);
      },
    },
    // Bases are computed on the host.
    isUsual: ({ t }) => t > 1 && !isDue(t),
    update({ update: g, slots, scalars }, { t, shape }) {
      const axes = axesOf(shape);
      const next: Record<string, tf.Tensor> = { ...slots };
      for (const axis of axes) {
        const gram = `gram${axis}`;
        next[gram] = nextMean(slots[gram]!, gramOf(g, axis), beta);
      }
      if (t === 1) {
        for (const axis of axes) {
          next[`basis${axis}`] = eigenbasis(next[`gram${axis}`]!);
        }
        return { update: tf.mul(g, 0), slots: next }; // NaN stays
      }
      const m = next["m"] = nextMean(slots["m"]!, g, b1);
      const inputs = { x: rotate(g, slots, true), old: slots["v"]! };
      const decay = { kept: b2, added: 1 - b2 };
      let v = runKernel(MEAN_SQUARE, inputs, decay);
      const scaled = runKernel(SCALED, { x: rotate(m, slots, true), v }, {
        eps,
      });
      let update = rotate(scaled, slots, false);
      if (normalizeGrads) update = tf.div(update, tf.add(rms(update), 1e-30));
      if (correctBias) update = tf.mul(update, scalars["correction"]!);
      if (isDue(t)) {
        for (const axis of axes) {
          const name = `basis${axis}`;
          const found = nextEigenbasis(next[`gram${axis}`]!, slots[name]!);
          next[name] = found.basis;
          v = tf.gather(v, found.order, axis);
        }
      }
      next["v"] = v;
      return { update, slots: next };
    },
  });
}

/** `[n, ...]` with `axis` first, as a matrix. */
function unfold(x: tf.Tensor, axis: number): tf.Tensor2D {
  const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
  const moved = axis === 0 ? x : tf.transpose(x, [axis, ...others]);
  return tf.reshape(moved, [x.shape[axis]!, -1]);
}

/** The products of the slices along an axis. */
function gramOf(g: tf.Tensor, axis: number): tf.Tensor2D {
  const slices = unfold(g, axis);
  return tf.matMul(slices, slices, false, true);
}

/** `x` in the bases of its axes, or back from them. */
function rotate(x: tf.Tensor, slots: Tensors, isForward: boolean): tf.Tensor {
  const { shape } = x;
  if (x.size === 0) return x;
  let rest = [...shape];
  // The first axis comes last each time, until all are where they were.
  for (const axis of shape.keys()) {
    const [n, ...others] = rest as [number, ...number[]];
    const basis = slots[`basis${axis}`] as tf.Tensor2D | undefined;
    const matrix = tf.reshape<tf.Rank.R2>(x, [n, x.size / n]);
    x = basis
      ? tf.matMul(matrix, basis, true, !isForward)
      : tf.transpose(matrix);
    rest = [...others, n];
  }
  return tf.reshape(x, shape);
}

function rms(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.mean(tf.square(x)));
}

/** Options of {@linkcode soap}. */
export interface SoapOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleBySoapOptions {}

const RULES: OptionRules<SoapOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * SOAP with decoupled weight decay.
 *
 * ```text
 * θ ← (1 - α λ) (θ - α u)      u as in scaleBySoap; the first step changes nothing
 * ```
 *
 * @param options `lr` is 3e-3 by default, `weightDecay` 0.01.
 * @returns The transformation.
 */
export function soap(options: SoapOptions = {}): tx.GradientTransformation {
  checkOptions("create Soap", options, RULES);
  const { lr, weightDecay = 0.01, decayMask } = options;
  return tx.chain(
    ...tx.clips(options),
    scaleBySoap(pick(options, SCALE_RULES)),
    tx.stepAndDecay(lr, 3e-3, { weightDecay, decayMask }, 2),
  );
}

/**
 * The optimizer of {@linkcode soap}.
 *
 * Take it for transformers with large batches, where fewer steps are worth longer ones: of
 * a matrix of m by n it keeps two tensors, and two more of m by m and of n by n.
 */
export class Soap extends Optimizer<SoapOptions> {
  /** Create the optimizer. `lr` is 3e-3 by default, `weightDecay` 0.01. */
  constructor(options: SoapOptions = {}) {
    super(options, soap);
  }
}
