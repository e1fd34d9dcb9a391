/**
 * Scaled dot-product attention.
 *
 * @module
 */
import {
  boolean,
  check,
  checkOptions,
  type OptionRules,
  tensor,
} from "../../check.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import { dropoutMask } from "./dropout_mask.ts";

/** The keys that a query may attend to. */
export interface AttentionMask {
  /** Whether a query attends only to keys at its own place and before. Default: false. */
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
  /** The stream that the dropout mask is drawn from. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode AttentionMask}. */
export const MASK_RULES: OptionRules<AttentionMask> = {
  causal: boolean,
  keyMask: tensor,
  mask: tensor,
};

const RULES: OptionRules<AttentionOptions> = {
  ...MASK_RULES,
  rate: "in [0, 1)",
  random: stream,
};

/** Added to the score of a masked key: its weight underflows to 0. */
const UNSEEN = -1e9;

/**
 * The average of the values, weighted by how well their keys fit the query.
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
  options: AttentionOptions = {},
): tf.Tensor4D {
  checkOptions("compute attention", options, RULES);
  for (const [name, x] of Object.entries({ query, key, value })) {
    check("compute attention", name, x, tensor);
  }
  const { causal = false, keyMask, mask, rate = 0, random } = options;
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
