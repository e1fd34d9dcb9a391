/**
 * Dense layers.
 *
 * @module
 */
import { linear } from "../../backend/ops/with_bias.ts";
import { checkOptions } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { ParamState } from "../../state.ts";
import { KaimingNormal, Zero } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";
import {
  checkWeightMask,
  masked,
  MASKED_RULES,
  type MaskedWeightOptions,
  type WeightMask,
  weightMaskOf,
} from "./weight_mask.ts";

/**
 * `x W + b` on the last axis.
 *
 * The weight is `[in, out]`, by default {@linkcode KaimingNormal}; the bias is
 * `[out]`, by default zeros. All axes but the last are rows of one product. With a
 * `weightMask` M it is `x (W ⊙ M) + b`.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const layer = new nn.Linear(784, 10);
 * assertEquals(layer.call(tf.ones<tf.Rank.R2>([32, 784])).shape, [32, 10]);
 *
 * const perToken = new nn.Linear<tf.Tensor3D>(64, 256, { bias: false });
 * assertEquals(perToken.call(tf.ones([8, 16, 64])).shape, [8, 16, 256]);
 *
 * // Each output sees one input.
 * const sparse = new nn.Linear(3, 3, { weightMask: tf.eye(3) });
 * const [output] = await sparse.call(tf.tensor2d([[1, 0, 0]])).array();
 * assertEquals(output?.slice(1), [0, 0]);
 * ```
 *
 * @typeParam T The rank of input and output.
 */
export class Linear<T extends tf.Tensor = tf.Tensor2D> extends Module {
  /** `[in, out]` */
  readonly weight: ParamState<tf.Tensor2D>;
  /** `[out]` */
  readonly bias: ParamState<tf.Tensor1D> | null;
  /** What the weight is multiplied by, if anything. */
  readonly weightMask: WeightMask;

  /**
   * Create the parameters.
   *
   * @param inSize The size of the last axis, or a size that ends in it.
   * @param outSize The size of the last axis of the output.
   * @param options See {@linkcode MaskedWeightOptions}.
   */
  constructor(
    inSize: number | Size,
    outSize: number,
    options: MaskedWeightOptions = {},
  ) {
    super();
    checkOptions("create Linear", options, MASKED_RULES);
    const {
      bias = true,
      weightInit = new KaimingNormal(),
      biasInit = new Zero(),
      random,
      weightMask,
    } = options;
    const inputs = lastAxis("Linear", "inSize", inSize);
    const outputs = lastAxis("Linear", "outSize", outSize);
    checkWeightMask("Linear", weightMask, [inputs, outputs]);
    this.weight = param("Linear.weight", weightInit, [inputs, outputs], random);
    this.bias = bias ? param("Linear.bias", biasInit, [outputs], random) : null;
    this.weightMask = weightMaskOf("Linear", weightMask);
  }

  /** The size of the last axis. */
  get inSize(): Size {
    return [this.weight.shape[0]!];
  }

  /** `[..., in]` to `[..., out]`. */
  outSize(inSize: Size): Size {
    checkSize("Linear", this.inSize, inSize);
    return [...inSize.slice(0, -1), this.weight.shape[1]!];
  }

  /** `[..., in]` to `[..., out]`. */
  override update(x: T): T {
    const [inputs, outputs] = this.weight.shape as [number, number];
    checkInput("Linear", x, [inputs]);
    const leading = x.shape.slice(0, -1);
    return tf.tidy(() => {
      const rows = x.rank === 2
        ? x as tf.Tensor as tf.Tensor2D
        : tf.reshape<tf.Rank.R2>(x, [tf.util.sizeFromShape(leading), inputs]);
      const weight = masked(this.weight, this.weightMask);
      const y = this.bias
        ? linear(rows, weight, this.bias.value)
        : tf.matMul(rows, weight);
      return (x.rank === 2 ? y : tf.reshape(y, [...leading, outputs])) as T;
    });
  }
}
