/**
 * Dense layers.
 *
 * @module
 */
import { linear } from "../../backend/ops/with_bias.ts";
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import type { ParamState } from "../../state.ts";
import { type Initializer, initializer } from "../init/initializer.ts";
import { KaimingNormal, Zero } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** Options of layers with a weight and a bias. */
export interface WeightOptions {
  /** Whether to add a bias. Default: true. */
  readonly bias?: boolean;
  /** The initializer of the weight. Default: that of the layer. */
  readonly weightInit?: Initializer;
  /** The initializer of the bias. Default: {@linkcode Zero}. */
  readonly biasInit?: Initializer;
  /** The stream of the initializers. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode WeightOptions}. */
export const WEIGHT_RULES: OptionRules<WeightOptions> = {
  bias: boolean,
  weightInit: initializer,
  biasInit: initializer,
  random: stream,
};

/**
 * `x W + b` on the last axis.
 *
 * The weight is `[in, out]`, by default {@linkcode KaimingNormal}; the bias is
 * `[out]`, by default zeros. All axes but the last are rows of one product.
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
 * ```
 *
 * @typeParam T The rank of input and output.
 */
export class Linear<T extends tf.Tensor = tf.Tensor2D> extends Module {
  /** `[in, out]` */
  readonly weight: ParamState<tf.Tensor2D>;
  /** `[out]` */
  readonly bias: ParamState<tf.Tensor1D> | null;

  /**
   * Create the parameters.
   *
   * @param inSize The size of the last axis, or a size that ends in it.
   * @param outSize The size of the last axis of the output.
   * @param options See {@linkcode WeightOptions}.
   */
  constructor(
    inSize: number | Size,
    outSize: number,
    options: WeightOptions = {},
  ) {
    super();
    checkOptions("create Linear", options, WEIGHT_RULES);
    const {
      bias = true,
      weightInit = new KaimingNormal(),
      biasInit = new Zero(),
      random,
    } = options;
    const inputs = lastAxis("Linear", "inSize", inSize);
    const outputs = lastAxis("Linear", "outSize", outSize);
    this.weight = param("Linear.weight", weightInit, [inputs, outputs], random);
    this.bias = bias ? param("Linear.bias", biasInit, [outputs], random) : null;
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
      const y = this.bias
        ? linear(rows, this.weight.value, this.bias.value)
        : tf.matMul(rows, this.weight.value);
      return (x.rank === 2 ? y : tf.reshape(y, [...leading, outputs])) as T;
    });
  }
}
