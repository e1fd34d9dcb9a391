/**
 * Gradients with a mean of zero.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check } from "../../internal/check.ts";
import type { GradientTransformation } from "./transformation.ts";
import { isMatrix, type Mask, matches } from "./mask.ts";
import { mask as isMask } from "./options.ts";
import { perTensor } from "./per_tensor.ts";

/**
 * Take from the gradient of each output's weights their mean.
 *
 * ```text
 * g ← g - mean of g over all axes but the last
 * ```
 *
 * The last axis is that of outputs in linear layers, `[in, out]`, and in convolutions,
 * `[...kernel, in, out]`.
 *
 * {@link https://arxiv.org/abs/2004.01461 | Yong et al., 2020}; as `optax.centralize`,
 * which takes the first axis for that of outputs.
 *
 * Parameters of fewer than two axes are left as they are, and so are outputs of a single
 * weight, of which nothing would be left.
 *
 * @param mask Which parameters. Default: {@linkcode isMatrix}.
 * @returns The transformation.
 */
export function centralize(mask: Mask = isMatrix): GradientTransformation {
  check("create centralize", "mask", mask, isMask);
  return perTensor({
    init: () => ({}),
    update({ update: g }, { path, shape }) {
      const isCentral = shape.length > 1 && g.size > shape.at(-1)! &&
        matches(mask, path, shape);
      if (!isCentral) return { update: tf.clone(g), slots: {} };
      const axes = shape.slice(0, -1).map((_, i) => i);
      return { update: tf.sub(g, tf.mean(g, axes, true)), slots: {} };
    },
  });
}
