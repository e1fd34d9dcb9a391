/**
 * Transformer blocks.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import type { RandomState } from "../../random.ts";
import { gelu } from "../activations/functions.ts";
import { type AttentionMask, MultiHeadAttention } from "./attention.ts";
import { Dropout } from "./dropout.ts";
import type { Initializer } from "../init/mod.ts";
import { Linear } from "./linear.ts";
import { Module } from "../module/module.ts";
import { LayerNorm } from "./norm.ts";
import { checkSize, lastAxis, type Size } from "../module/size.ts";

/** Options of {@linkcode TransformerBlock}. */
export interface TransformerBlockOptions {
  /** The number of features between the two dense layers. Default: 4 times as many. */
  readonly hiddenSize?: number;
  /** Whether a place sees only those before it. Default: false. */
  readonly causal?: boolean;
  /** The probability of dropping, in attention and after each part. Default: 0. */
  readonly rate?: number;
  /** What follows the first dense layer. Default: exact {@linkcode gelu}. */
  readonly activation?: (x: tf.Tensor3D) => tf.Tensor3D;
  /** Whether layers have biases. Default: true. */
  readonly bias?: boolean;
  /** What all weights are before training. Default: what each layer has by itself. */
  readonly weightInit?: Initializer;
  /** Where initializers and dropout draw from. Default: the default stream. */
  readonly random?: RandomState;
}

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
  /** Before attention. */
  readonly attentionNorm: LayerNorm<tf.Tensor3D>;
  /** What looks at other places. */
  readonly attention: MultiHeadAttention;
  /** Before the dense layers. */
  readonly denseNorm: LayerNorm<tf.Tensor3D>;
  /** `[features, hidden]` */
  readonly expand: Linear<tf.Tensor3D>;
  /** `[hidden, features]` */
  readonly contract: Linear<tf.Tensor3D>;
  /** After each part; none at rate 0. */
  readonly dropout: Dropout<tf.Tensor3D> | null;
  readonly #activation: (x: tf.Tensor3D) => tf.Tensor3D;

  /**
   * Make the parameters.
   *
   * @param inSize The number of features, or a size that ends in it.
   * @param heads How many heads; it must divide the number of features.
   * @param options See {@linkcode TransformerBlockOptions}.
   */
  constructor(
    inSize: number | Size,
    heads: number,
    {
      hiddenSize,
      causal = false,
      rate = 0,
      activation = (x) => gelu(x),
      bias = true,
      weightInit,
      random,
    }: TransformerBlockOptions = {},
  ) {
    super();
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
    this.#activation = activation;
  }

  /** The number of features. */
  get inSize(): Size {
    return this.attention.inSize;
  }

  /** The size that goes in. */
  outSize(inSize: Size): Size {
    checkSize("TransformerBlock", this.inSize, inSize);
    return inSize;
  }

  /**
   * `[batch, time, features]` to the same.
   *
   * @param x The input.
   * @param mask Which places each one may see.
   */
  override update(x: tf.Tensor3D, mask: AttentionMask = {}): tf.Tensor3D {
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
