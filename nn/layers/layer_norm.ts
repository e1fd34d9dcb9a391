/**
 * Normalization of the last axes.
 *
 * @module
 */
import { layerNormalize } from "../../backend/ops/layer_normalize.ts";
import { standardize } from "../../backend/ops/standardize.ts";
import {
  check,
  checkOptions,
  listOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { NORM_RULES, Normalization, type NormOptions } from "./norm.ts";

/** Options of {@linkcode RMSNorm}. */
export type RMSNormOptions = Omit<NormOptions, "bias">;

const RMS_RULES: OptionRules<RMSNormOptions> = {
  eps: NORM_RULES.eps,
  scale: NORM_RULES.scale,
};

/**
 * Normalizes the last axes.
 *
 * ```text
 * y = (x - mean(x)) / √(variance(x) + ε) weight + bias
 * ```
 *
 * Training and evaluation are the same. (Ba, Kiros and Hinton 2016, "Layer
 * Normalization".)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const norm = new nn.LayerNorm(2);
 * const [low, high] = await norm.call(tf.tensor2d([[3, 5]])).data();
 * assertAlmostEquals(low!, -1, 1e-5);
 * assertAlmostEquals(high!, 1, 1e-5);
 * ```
 *
 * @typeParam T The rank of input and output.
 */
export class LayerNorm<T extends tf.Tensor = tf.Tensor>
  extends Normalization<T, tf.Tensor> {
  /**
   * Create the parameters.
   *
   * @param inSize The sizes of the axes to normalize: the last one, or several.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(inSize: number | readonly number[], options: NormOptions = {}) {
    checkOptions("create LayerNorm", options, NORM_RULES);
    super(sizes("LayerNorm", inSize), options);
  }

  /** Normalizes `x`, with scale and shift. */
  protected override normalize(x: tf.Tensor): tf.Tensor {
    if (this.inSize.length > 1) return super.normalize(x);
    const { eps, weight, bias } = this;
    return layerNormalize(x, {
      eps,
      weight: weight?.value,
      bias: bias?.value,
    });
  }

  /** Normalizes `x`, without scale and shift. */
  protected override standardize(x: tf.Tensor): tf.Tensor {
    return standardize(x, this.axesOf(x), this.eps);
  }
}

/**
 * Divides the last axes by their root mean square.
 *
 * ```text
 * y = x / √(mean(x²) + ε) weight
 * ```
 *
 * (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class RMSNorm<T extends tf.Tensor = tf.Tensor>
  extends Normalization<T, tf.Tensor> {
  /**
   * Create the parameter.
   *
   * @param inSize The sizes of the axes to normalize: the last one, or several.
   * @param options See {@linkcode RMSNormOptions}.
   */
  constructor(
    inSize: number | readonly number[],
    options: RMSNormOptions = {},
  ) {
    checkOptions("create RMSNorm", options, RMS_RULES);
    super(sizes("RMSNorm", inSize), { ...options, bias: false });
  }

  /** Normalizes `x`, without scale. */
  protected override standardize(x: tf.Tensor): tf.Tensor {
    const square = tf.mean(tf.square(x), this.axesOf(x), true);
    return tf.mul(x, tf.rsqrt(tf.add(square, this.eps)));
  }
}

/** The sizes of the axes to normalize, at least one. */
function sizes(
  name: string,
  size: number | readonly number[],
): readonly number[] {
  const list: readonly number[] = Array.isArray(size) ? [...size] : [size];
  if (list.length === 0) {
    refuse(`create ${name}`, "inSize", "at least one size", size);
  }
  check(`create ${name}`, "inSize", list, listOf("a positive integer"));
  return list;
}
