/**
 * Attention with several heads.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import { environ } from "../../environ.ts";
import type { RandomState } from "../../random.ts";
import * as tf from "../../tf.ts";
import { XavierUniform } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";
import { Linear } from "./linear.ts";
import { WEIGHT_RULES, type WeightOptions } from "./weight_options.ts";
import {
  type AttentionMask,
  MASK_RULES,
  scaledDotProductAttention,
} from "./scaled_dot_product.ts";

/** Options of {@linkcode MultiHeadAttention}. */
export interface MultiHeadAttentionOptions extends WeightOptions {
  /** Whether a query attends only to keys at its own place and before. Default: false. */
  readonly causal?: boolean;
  /** The probability of dropping an attention weight in training. Default: 0. */
  readonly rate?: number;
  /** The number of features of keys and values. Default: that of queries. */
  readonly keySize?: number;
}

const RULES: OptionRules<MultiHeadAttentionOptions> = {
  ...WEIGHT_RULES,
  causal: boolean,
  rate: "in [0, 1)",
  keySize: "a positive integer",
};

/**
 * Attention with several heads, each on its share of the features.
 *
 * ```text
 * y = join(attention(split(x Wq), split(context Wk), split(context Wv))) Wo
 * ```
 *
 * Weights are by default {@linkcode XavierUniform}. With a dropout rate above 0 it
 * reads `environ.fit`. (Vaswani et al. 2017, "Attention Is All You Need".)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const attention = new nn.MultiHeadAttention(16, 4, { causal: true });
 * assertEquals(attention.call(tf.ones([2, 5, 16])).shape, [2, 5, 16]);
 * ```
 */
export class MultiHeadAttention extends Module {
  /** The projection to queries. */
  readonly query: Linear<tf.Tensor3D>;
  /** The projection to keys. */
  readonly key: Linear<tf.Tensor3D>;
  /** The projection to values. */
  readonly value: Linear<tf.Tensor3D>;
  /** The projection of the joined heads. */
  readonly out: Linear<tf.Tensor3D>;
  /** The number of heads. */
  readonly heads: number;
  /** Whether a query attends only to keys at its own place and before. */
  readonly causal: boolean;
  /** The probability of dropping an attention weight in training. */
  readonly rate: number;
  /** The stream that dropout masks are drawn from; null for the default one. */
  readonly random: RandomState | null;

  /**
   * Create the parameters.
   *
   * @param inSize The number of features, or a size that ends in it.
   * @param heads The number of heads, which must divide the number of features.
   * @param options See {@linkcode MultiHeadAttentionOptions}.
   */
  constructor(
    inSize: number | Size,
    heads: number,
    options: MultiHeadAttentionOptions = {},
  ) {
    super();
    checkOptions("create MultiHeadAttention", options, RULES);
    const {
      causal = false,
      rate = 0,
      keySize,
      weightInit = new XavierUniform(),
      random,
      ...others
    } = options;
    const features = lastAxis("MultiHeadAttention", "inSize", inSize);
    if (features % lastAxis("MultiHeadAttention", "heads", heads) !== 0) {
      const is = `a divisor of the features, ${features}`;
      refuse("create MultiHeadAttention", "heads", is, heads);
    }
    const given = { weightInit, ...random && { random }, ...others };
    this.heads = heads;
    this.causal = causal;
    this.rate = rate;
    this.random = random ?? null;
    this.query = new Linear(features, features, given);
    this.key = new Linear(keySize ?? features, features, given);
    this.value = new Linear(keySize ?? features, features, given);
    this.out = new Linear(features, features, given);
  }

  /** The number of features. */
  get inSize(): Size {
    return this.query.inSize;
  }

  /** The size of the input. */
  outSize(inSize: Size): Size {
    checkSize("MultiHeadAttention", this.inSize, inSize);
    return inSize;
  }

  /**
   * Computes attention.
   *
   * @param x `[batch, queries, features]`
   * @param context `[batch, keys, keySize]`: the keys and values. Default: `x`.
   * @param mask The keys that a query may attend to.
   * @returns `[batch, queries, features]`
   */
  override update(
    x: tf.Tensor3D,
    context: tf.Tensor3D = x,
    mask: AttentionMask = {},
  ): tf.Tensor3D {
    checkInput("MultiHeadAttention", x, this.inSize, 3);
    checkInput("MultiHeadAttention", context, this.key.inSize, 3);
    checkOptions("call MultiHeadAttention", mask, MASK_RULES);
    if (x.shape[0] !== context.shape[0]) {
      throw new RangeError(
        `Cannot call MultiHeadAttention: input and context must have the same batch: current shapes are [${
          x.shape.join(", ")
        }] and [${context.shape.join(", ")}]`,
      );
    }
    return tf.tidy(() => {
      const attended = scaledDotProductAttention(
        this.#split(this.query.call(x)),
        this.#split(this.key.call(context)),
        this.#split(this.value.call(context)),
        {
          causal: this.causal,
          timeFirst: true,
          ...mask,
          rate: this.rate > 0 && environ.get("fit") ? this.rate : 0,
          ...this.random && { random: this.random },
        },
      );
      return this.out.call(tf.reshape<tf.Rank.R3>(attended, x.shape));
    });
  }

  /** `[batch, time, features]` to `[batch, time, heads, features / heads]`. */
  #split(x: tf.Tensor3D): tf.Tensor4D {
    const [batch, time, features] = x.shape;
    const { heads } = this;
    return tf.reshape(x, [batch, time, heads, features / heads]);
  }
}
