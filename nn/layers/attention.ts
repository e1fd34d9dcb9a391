/**
 * Attention.
 *
 * @module
 */
import { environ } from "../../environ.ts";
import type { RandomState } from "../../random.ts";
import * as tf from "../../tf.ts";
import { dropoutMask } from "./dropout_mask.ts";
import { XavierUniform } from "../init/mod.ts";
import { Linear, type WeightOptions } from "./linear.ts";
import { Module } from "../module/module.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** Which keys a query may attend to. */
export interface AttentionMask {
  /** Whether a query sees only keys at its own place and before. Default: false. */
  readonly causal?: boolean;
  /** `[batch, keys]`: nonzero where there is a key, 0 where there is padding. */
  readonly keyMask?: tf.Tensor2D;
  /** Nonzero where a query sees a key; broadcast to `[batch, heads, queries, keys]`. */
  readonly mask?: tf.Tensor;
}

/** Options of {@linkcode scaledDotProductAttention}. */
export interface AttentionOptions extends AttentionMask {
  /** The probability of dropping a weight. Default: 0. */
  readonly rate?: number;
  /** Where the dropout mask is drawn from. Default: the default stream. */
  readonly random?: RandomState;
}

/** Added to the score of a key that is not seen: its weight underflows to 0. */
const UNSEEN = -1e9;

/**
 * The values, averaged with weights that say how well their keys fit the query.
 *
 * ```text
 * softmax(Q Kᵀ / √size) V
 * ```
 *
 * A query that sees no key at all averages all values, rather than giving NaN.
 * (Vaswani et al. 2017, "Attention Is All You Need".)
 *
 * @param query `[batch, heads, queries, size]`
 * @param key `[batch, heads, keys, size]`
 * @param value `[batch, heads, keys, out]`
 * @param options See {@linkcode AttentionOptions}.
 * @returns `[batch, heads, queries, out]`
 */
export function scaledDotProductAttention(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  { causal = false, keyMask, mask, rate = 0, random }: AttentionOptions = {},
): tf.Tensor4D {
  return tf.tidy(() => {
    const [, , queries, size] = query.shape;
    const keys = key.shape[2];
    // The smaller factor is scaled before the product is made.
    const scaled = tf.mul(query, 1 / Math.sqrt(size));
    let scores: tf.Tensor = tf.matMul(scaled, key, false, true);
    const see = (seen: tf.Tensor) => {
      const hidden = tf.sub(1, tf.cast(tf.notEqual(seen, 0), "float32"));
      scores = tf.add(scores, tf.mul(hidden, UNSEEN));
    };
    if (causal) scores = tf.add(scores, causalBias(queries, keys));
    if (keyMask) {
      checkMask("keyMask", keyMask, [query.shape[0], keys]);
      see(tf.reshape(keyMask, [keyMask.shape[0], 1, 1, keys]));
    }
    if (mask) see(mask);
    let weights = tf.softmax(scores);
    if (rate > 0) {
      weights = tf.mul(
        weights,
        dropoutMask(weights.shape, rate, 1 / (1 - rate), random),
      );
    }
    return tf.matMul(weights, value) as tf.Tensor4D;
  });
}

/** 0 up to the query's place, counted from the end; {@linkcode UNSEEN} after it. */
function causalBias(queries: number, keys: number): tf.Tensor2D {
  const bias = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) {
    const seen = Math.max(keys - queries + i + 1, 0);
    bias.fill(UNSEEN, i * keys + seen, (i + 1) * keys);
  }
  return tf.tensor2d(bias, [queries, keys]);
}

function checkMask(name: string, mask: tf.Tensor, shape: readonly number[]) {
  if (!tf.util.arraysEqual(mask.shape, [...shape])) {
    throw new RangeError(
      `Cannot attend: ${name} must have shape [${
        shape.join(", ")
      }]: current shape is [${mask.shape.join(", ")}]`,
    );
  }
}

/** Options of {@linkcode MultiHeadAttention}. */
export interface MultiHeadAttentionOptions extends WeightOptions {
  /** Whether a query sees only keys at its own place and before. Default: false. */
  readonly causal?: boolean;
  /** The probability of dropping an attention weight in training. Default: 0. */
  readonly rate?: number;
  /** The number of features of keys and values. Default: that of queries. */
  readonly keySize?: number;
}

/**
 * Attention with several heads, each on its share of the features.
 *
 * ```text
 * heads of x Wq, y Wk, y Wv → attention → joined → Wo
 * ```
 *
 * Weights are by default {@linkcode XavierUniform}. With a dropout rate above 0 it
 * asks `environ` for `fit`.
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
  /** Makes the queries. */
  readonly query: Linear<tf.Tensor3D>;
  /** Makes the keys. */
  readonly key: Linear<tf.Tensor3D>;
  /** Makes the values. */
  readonly value: Linear<tf.Tensor3D>;
  /** Mixes the heads. */
  readonly out: Linear<tf.Tensor3D>;
  /** How many heads there are. */
  readonly heads: number;
  /** Whether a query sees only keys at its own place and before. */
  readonly causal: boolean;
  /** The probability of dropping an attention weight in training. */
  readonly rate: number;
  /** Where dropout masks are drawn from, if not from the default stream. */
  readonly random: RandomState | null;

  /**
   * Make the parameters.
   *
   * @param inSize The number of features, or a size that ends in it.
   * @param heads How many heads; it must divide the number of features.
   * @param options See {@linkcode MultiHeadAttentionOptions}.
   */
  constructor(
    inSize: number | Size,
    heads: number,
    {
      causal = false,
      rate = 0,
      keySize,
      weightInit = new XavierUniform(),
      random,
      ...options
    }: MultiHeadAttentionOptions = {},
  ) {
    super();
    const features = lastAxis("MultiHeadAttention", "inSize", inSize);
    if (features % lastAxis("MultiHeadAttention", "heads", heads) !== 0) {
      throw new RangeError(
        `Cannot create MultiHeadAttention: heads must divide the features, ${features}: current value is ${heads}`,
      );
    }
    if (!(rate >= 0 && rate < 1)) {
      throw new RangeError(
        `Cannot create MultiHeadAttention: rate must be in [0, 1): current value is ${rate}`,
      );
    }
    const given = { weightInit, ...random && { random }, ...options };
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

  /** The size that goes in. */
  outSize(inSize: Size): Size {
    checkSize("MultiHeadAttention", this.inSize, inSize);
    return inSize;
  }

  /**
   * Attend.
   *
   * @param x `[batch, queries, features]`
   * @param context `[batch, keys, keySize]`: what to attend to. Default: `x`.
   * @param mask Which keys a query may attend to.
   * @returns `[batch, queries, features]`
   */
  override update(
    x: tf.Tensor3D,
    context: tf.Tensor3D = x,
    mask: AttentionMask = {},
  ): tf.Tensor3D {
    checkInput("MultiHeadAttention", x, this.inSize, 3);
    checkInput("MultiHeadAttention", context, this.key.inSize, 3);
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
          ...mask,
          rate: this.rate > 0 && environ.get("fit") ? this.rate : 0,
          ...this.random && { random: this.random },
        },
      );
      const joined = tf.reshape<tf.Rank.R3>(
        tf.transpose(attended, [0, 2, 1, 3]),
        x.shape,
      );
      return this.out.call(joined);
    });
  }

  /** `[batch, time, features]` to `[batch, heads, time, features / heads]`. */
  #split(x: tf.Tensor3D): tf.Tensor4D {
    const [batch, time, features] = x.shape;
    const heads = tf.reshape(x, [
      batch,
      time,
      this.heads,
      features / this.heads,
    ]);
    return tf.transpose(heads, [0, 2, 1, 3]) as tf.Tensor4D;
  }
}
