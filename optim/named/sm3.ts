/**
 * SM3.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { fromNames } from "../../tensors.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleBySm3}. */
export interface ScaleBySm3Options {
  /** The decay rate of the mean update. Default: 0.9. */
  readonly momentum?: number | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleBySm3Options> = {
  momentum: "a nonnegative finite number",
  eps: "a nonnegative finite number",
};

/**
 * Divide each gradient by the root of a sum of squares that is kept per row,
 * column, ... rather than per element.
 *
 * ```text
 * A = g² + min over axes i of Vᵢ      Vᵢ ← the greatest A along all other axes
 * n ← μ n + (1 - μ) g / √(A + ε)      u = n      0 where A is 0
 * ```
 *
 * {@link https://arxiv.org/abs/1901.11150 | Anil et al., 2019}, as in optax.
 *
 * @param options See {@linkcode ScaleBySm3Options}.
 * @returns The transformation.
 */
export function scaleBySm3(
  options: ScaleBySm3Options = {},
): tx.GradientTransformation {
  checkOptions("create scaleBySm3", options, SCALE_RULES);
  const { momentum = 0.9, eps = 1e-8 } = options;
  return tx.perTensor({
    init: ({ shape }) => ({
      ...fromNames(
        axesOf(shape),
        (slot) => tf.zeros([shape[axisOf(slot)] ?? 1]),
      ),
      ...(momentum ? { mean: tf.zeros(shape) } : {}),
    }),
    update({ update: g, slots }) {
      const axes = axesOf(g.shape), { mean, ...bounds } = slots;
      const covers = axes.map((slot) =>
        tf.reshape(bounds[slot]!, alone(g.shape, axisOf(slot)))
      );
      const least = covers.reduce((a, b) => tf.minimum(a, b));
      const sum = tf.add(tf.square(g), least);
      const scaled = tf.div(g, tf.sqrt(tf.add(sum, eps)));
      // Where the sum is 0 or not a number, so is the gradient.
      const update = tf.where(tf.greater(sum, 0), scaled, g);
      const kept: Record<string, tf.Tensor> = {};
      for (const slot of axes) {
        const others = g.shape.map((_, i) => i)
          .filter((i) => i !== axisOf(slot));
        const greatest = others.length ? tf.max(sum, others) : sum;
        kept[slot] = tf.reshape(greatest, [-1]);
      }
      if (!mean) return { update, slots: kept };
      const next = tf.add(tf.mul(mean, momentum), tf.mul(update, 1 - momentum));
      return { update: next, slots: { ...kept, mean: next } };
    },
  });
}

/** A slot for each axis; a scalar has one. */
function axesOf(shape: readonly number[]): string[] {
  return Array.from(
    { length: Math.max(1, shape.length) },
    (_, i) => `axis${i}`,
  );
}

function axisOf(slot: string): number {
  return Number(slot.slice("axis".length));
}

/** `shape` with all axes but one of length 1. */
function alone(shape: readonly number[], axis: number): number[] {
  return shape.map((n, i) => i === axis ? n : 1);
}

/** Options of {@linkcode sm3}. */
export interface SM3Options
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleBySm3Options {}

/**
 * SM3 with an L2 penalty (`g ← g + λ θ` comes first): Adagrad in little memory.
 *
 * See {@linkcode scaleBySm3} for the rule.
 *
 * @param options `lr` is 1 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function sm3(options: SM3Options = {}): tx.GradientTransformation {
  return tx.coupled("SM3", options, 1, scaleBySm3, SCALE_RULES);
}

/**
 * The optimizer of {@linkcode sm3}.
 *
 * Take it for large embeddings and other matrices: it is {@linkcode Adagrad} that
 * keeps a row and a column in place of a sum for each element. Its momentum is one
 * more tensor.
 */
export class SM3 extends Optimizer<SM3Options> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: SM3Options = {}) {
    super(options, sm3);
  }
}
