/**
 * Clipping of gradients in proportion to weights.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { perTensor } from "./per_tensor.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode adaptiveGradClip}. */
export interface AdaptiveGradClipOptions {
  /** The greatest norm of a gradient, in norms of its weights. Default: 0.01. */
  readonly clipping?: number | undefined;
  /** The least norm of weights that is reckoned with. Default: 1e-3. */
  readonly eps?: number | undefined;
}

const RULES: OptionRules<AdaptiveGradClipOptions> = {
  clipping: "a positive finite number",
  eps: "a positive finite number",
};

/** The least norm that a gradient is divided by. */
const LEAST = 1e-6;

/**
 * Scale the gradient of each output's weights down until its norm is at most a share of
 * theirs.
 *
 * ```text
 * n = c max(‖θ‖, ε)      g ← g n / max(‖g‖, 10⁻⁶) where ‖g‖ > n
 * ```
 *
 * The norms are of the weights of one output: over all axes but the last, which is that
 * of outputs in linear layers, `[in, out]`, and in convolutions, `[...kernel, in, out]`.
 * A parameter of fewer than two axes has one norm. The authors leave the last linear
 * layer out: `masked(adaptiveGradClip(), (path) => !path.startsWith("head"))`.
 *
 * {@link https://arxiv.org/abs/2102.06171 | Brock et al., 2021}, as in timm, which has
 * outputs on the first axis; `optax.adaptive_grad_clip` takes a matrix of one row for a
 * vector.
 *
 * @param options See {@linkcode AdaptiveGradClipOptions}.
 * @returns The transformation.
 */
export function adaptiveGradClip(
  options: AdaptiveGradClipOptions = {},
): GradientTransformation {
  checkOptions("create adaptiveGradClip", options, RULES);
  const { clipping = 0.01, eps = 1e-3 } = options;
  return perTensor({
    init: () => ({}),
    update({ update: g, param }, { shape }) {
      const axes = shape.length > 1
        ? shape.slice(0, -1).map((_, i) => i)
        : undefined;
      const norm = (x: tf.Tensor) => tf.sqrt(tf.sum(tf.square(x), axes, true));
      const length = norm(g);
      const greatest = tf.mul(tf.maximum(norm(param), eps), clipping);
      const clipped = tf.mul(
        g,
        tf.div(greatest, tf.maximum(length, LEAST)),
      );
      const isShort = tf.broadcastTo(tf.less(length, greatest), [...shape]);
      return { update: tf.where(isShort, g, clipped), slots: {} };
    },
  });
}
