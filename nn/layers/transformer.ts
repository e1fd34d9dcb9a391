/**
 * Transformer blocks.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { RandomState } from "../../random.ts";
import {
  type Activation,
  activationOf,
  activationRule,
} from "../activations/named.ts";
import { MultiHeadAttention } from "./attention.ts";
import { Dropout } from "./dropout.ts";
import type { Initializer } from "../init/mod.ts";
import { Linear } from "./linear.ts";
import { WEIGHT_RULES } from "./weight_options.ts";
import { type AttentionMask, MASK_RULES } from "./scaled_dot_product.ts";
import { Module } from "../module/module.ts";
import { LayerNorm } from "./layer_norm.ts";
import { checkSize, lastAxis, type Size } from "../module/size.ts";

/** Options of {@linkcode TransformerBlock}. */
export interface TransformerBlockOptions {
  /** The number of features between the dense layers. Default: 4 times the input's. */
  readonly hiddenSize?: number;
  /** Whether a place attends only to itself and those before it. Default: false. */
  readonly causal?: boolean;
  /** The probability of dropping, in attention and after each part. Default: 0. */
  readonly rate?: number;
  /**
   * The activation after the first dense layer: a name or a function. Default: exact
   * {@linkcode gelu}.
   */
  readonly activation?: Activation<tf.Tensor3D>;
  /** Whether layers have biases. Default: true. */
  readonly bias?: boolean;
  /** The initializer of all weights. Default: that of each layer. */
  readonly weightInit?: Initializer;
  /** The stream of initializers and dropout. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<TransformerBlockOptions> = {
  hiddenSize: "a positive integer",
  causal: boolean,
  rate: "in [0, 1)",
  activation: activationRule,
  bias: boolean,
  weightInit: WEIGHT_RULES.weightInit,
  random: WEIGHT_RULES.random,
};

/**
 * A transformer block with normalization before each part, as in GPT-2.
 *
 * ```text
 * x ← x + dropout(attention(norm(x)))
 * x ← x + dropout(dense(activation(dense(norm(x)))))
 * ```
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const block = new nn.TransformerBlock(16, 4, { causal: true });
 * assertEquals(block.call(tf.ones([2, 5, 16])).shape, [2, 5, 16]);
 * ```
 */
export class TransformerBlock extends Module {
  /** The normalization before attention. */
  readonly attentionNorm: LayerNorm<tf.Tensor3D>;
  /** The attention. */
  readonly attention: MultiHeadAttention;
  /** The normalization before the dense layers. */
  readonly denseNorm: LayerNorm<tf.Tensor3D>;
  /** `[features, hidden]` */
  readonly expand: Linear<tf.Tensor3D>;
  /** `[hidden, features]` */
  readonly contract: Linear<tf.Tensor3D>;
  /** The dropout after each part; null at rate 0. */
  readonly dropout: Dropout<tf.Tensor3D> | null;
  readonly #activation: (x: tf.Tensor3D) => tf.Tensor3D;

  /**
   * Create the parameters.
   *
   * @param inSize The number of features, or a size that ends in it.
   * @param heads The number of heads, which must divide the number of features.
   * @param options See {@linkcode TransformerBlockOptions}.
   */
  constructor(
    inSize: number | Size,
    heads: number,
    options: TransformerBlockOptions = {},
  ) {
    super();
    checkOptions("create TransformerBlock", options, RULES);
    const { causal = false, rate = 0, bias = true } = options;
    const { hiddenSize, weightInit, random } = options;
    const features = lastAxis("TransformerBlock", "inSize", inSize);
    const hidden = hiddenSize ?? 4 * features;
    const given = {
      bias,
      ...weightInit && { weightInit },
      ...random && { random },
    };
    this.attentionNorm = new LayerNorm(features, { bias });
    this.attention = new MultiHeadAttention(features, heads, {
      causal,
      rate,
      ...given,
    });
    this.denseNorm = new LayerNorm(features, { bias });
    this.expand = new Linear(features, hidden, given);
    this.contract = new Linear(hidden, features, given);
    this.dropout = rate > 0
      ? new Dropout({ rate, ...random && { random } })
      : null;
    this.#activation = activationOf(options.activation ?? "gelu");
  }

  /** The number of features. */
  get inSize(): Size {
    return this.attention.inSize;
  }

  /** The size of the input. */
  outSize(inSize: Size): Size {
    checkSize("TransformerBlock", this.inSize, inSize);
    return inSize;
  }

  /**
   * `[batch, time, features]` to the same.
   *
   * @param x The input.
   * @param mask The places that each one may attend to.
   */
  override update(x: tf.Tensor3D, mask: AttentionMask = {}): tf.Tensor3D {
    checkOptions("call TransformerBlock", mask, MASK_RULES);
    return tf.tidy(() => {
      const normed = this.attentionNorm.call(x);
      const attended = this.attention.call(normed, normed, mask);
      const seen = tf.add(x, this.#drop(attended)) as tf.Tensor3D;
      const hidden = this.expand.call(this.denseNorm.call(seen));
      const dense = this.contract.call(this.#activation(hidden));
      return tf.add(seen, this.#drop(dense)) as tf.Tensor3D;
    });
  }

  #drop(x: tf.Tensor3D): tf.Tensor3D {
    return this.dropout ? this.dropout.call(x) : x;
  }
}
