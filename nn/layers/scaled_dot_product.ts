/**
 * Scaled dot-product attention.
 *
 * @module
 */
import { attention } from "../../backend/ops/attention.ts";
import {
  boolean,
  check,
  checkOptions,
  type OptionRules,
  refuse,
  tensor,
  type ValueRule,
} from "../../internal/check.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import { dropoutMask } from "./dropout_mask.ts";

/**
 * The keys that a query may attend to: those that every mask allows.
 *
 * | dtype of a mask | meaning |
 * | --- | --- |
 * | `bool` | true where a query attends to a key |
 * | `float32` | added to the scores, as in torch; -Infinity excludes a key |
 *
 * Other dtypes are refused.
 */
export interface AttentionMask {
  /** Whether a query attends only to keys at its own place and before. Default: false. */
  readonly causal?: boolean;
  /** `[batch, keys]`, such as false where there is padding. */
  readonly keyMask?: tf.Tensor2D;
  /** A shape that broadcasts to `[batch, heads, queries, keys]`. */
  readonly mask?: tf.Tensor;
}

/** Options of {@linkcode scaledDotProductAttention}. */
export interface AttentionOptions extends AttentionMask {
  /** The probability of dropping a weight. Default: 0. */
  readonly rate?: number;
  /** The stream that the dropout mask is drawn from. Default: the default stream. */
  readonly random?: RandomState;
  /**
   * Whether queries, keys, values and the result have the axis of places before that of
   * heads, as a dense layer gives them: WebGPU then needs no transposition. Default: false.
   */
  readonly timeFirst?: boolean;
}

const maskRule: ValueRule = (value) =>
  tensor(value) ??
    (["bool", "float32"].includes((value as tf.Tensor).dtype) ? undefined : {
      at: "",
      rule: "of bool (true: attend) or of float32 (added to the scores)",
      value,
      error: TypeError,
    });

/** The rules of {@linkcode AttentionMask}. */
export const MASK_RULES: OptionRules<AttentionMask> = {
  causal: boolean,
  keyMask: maskRule,
  mask: maskRule,
};

const RULES: OptionRules<AttentionOptions> = {
  ...MASK_RULES,
  rate: "in [0, 1)",
  random: stream,
  timeFirst: boolean,
};

/**
 * The average of the values, weighted by how well their keys fit the query.
 *
 * ```text
 * softmax(Q Kᵀ / √size + mask) V
 * ```
 *
 * The result of a query without a key to attend to is 0, and so is its gradient. With
 * `causal` and fewer queries than keys, the last query is at the place of the last key.
 * (Vaswani et al. 2017, "Attention Is All You Need"; as torch's
 * `scaled_dot_product_attention`.)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const query = tf.zeros<tf.Rank.R4>([1, 1, 1, 2]);
 * const values = tf.tensor4d([[[[1, 2], [3, 4]]]]);
 * const mask = tf.tensor2d([[true, false]], [1, 2], "bool");
 * const y = nn.scaledDotProductAttention(query, values, values, { mask });
 * assertEquals([...await y.data()], [1, 2]);
 * ```
 *
 * @param query `[batch, heads, queries, size]`, or `[batch, queries, heads, size]` with
 * `timeFirst`, and so the others.
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
  checkOptions(ACTION, options, RULES);
  const { causal = false, keyMask, mask, rate = 0, random } = options;
  const { timeFirst = false } = options;
  checkShapes(query, key, value, timeFirst);
  const [batch, , , size] = query.shape;
  const [heads, queries] = places(query, timeFirst);
  const [, keys] = places(key, timeFirst);
  if (keyMask && !tf.util.arraysEqual(keyMask.shape, [batch, keys])) {
    refuse(ACTION, "keyMask", `of shape [${batch}, ${keys}]`, keyMask);
  }
  const shape = [batch, heads, queries, keys];
  if (mask && !broadcasts(mask.shape, shape)) {
    refuse(ACTION, "mask", `broadcastable to [${shape.join(", ")}]`, mask);
  }
  const composed = () =>
    tf.tidy(() => {
      const [q, k, v] = timeFirst
        ? [query, key, value].map((x) => tf.transpose(x, [0, 2, 1, 3]))
        : [query, key, value];
      // The smaller factor is scaled before the product.
      const scaled = tf.mul(q!, 1 / Math.sqrt(size));
      const scores = tf.matMul(scaled, k!, false, true);
      const masks = [
        ...(keyMask ? [tf.reshape(keyMask, [batch, 1, 1, keys])] : []),
        ...(mask ? [mask] : []),
      ];
      // A causal mask alone leaves every query a key, unless there are fewer keys.
      const onlyCausal = causal && masks.length === 0 && queries <= keys;
      if (causal && !onlyCausal) masks.push(causalMask(queries, keys));
      let weights = onlyCausal
        ? tf.softmax(tf.add(scores, causalBias(queries, keys)))
        : softmaxOf(scores, masks);
      if (rate > 0) {
        weights = tf.mul(
          weights,
          dropoutMask(weights.shape, rate, 1 / (1 - rate), random),
        );
      }
      const y = tf.matMul(weights, v!);
      return (timeFirst ? tf.transpose(y, [0, 2, 1, 3]) : y) as tf.Tensor4D;
    });
  const isPlain = !keyMask && !mask && rate === 0;
  return isPlain
    ? attention(query, key, value, { causal, timeFirst }, composed)
    : composed();
}

/** The number of heads, and of queries or keys. */
function places(
  { shape }: tf.Tensor,
  timeFirst: boolean,
): [heads: number, places: number] {
  const [, a, b] = shape as [number, number, number, number];
  return timeFirst ? [b, a] : [a, b];
}

const ACTION = "compute attention";

/** The softmax of the scores of the keys that all masks allow; 0 for others. */
function softmaxOf(scores: tf.Tensor, masks: readonly tf.Tensor[]): tf.Tensor {
  if (masks.length === 0) return tf.softmax(scores);
  let biased = scores;
  const allowed: tf.Tensor[] = [];
  for (const mask of masks) {
    if (mask.dtype === "bool") allowed.push(mask);
    else {
      const finite = tf.notEqual(mask, -Infinity);
      allowed.push(finite);
      biased = tf.add(biased, tf.where(finite, mask, tf.zerosLike(mask)));
    }
  }
  const seen = allowed.reduce((a, b) => tf.logicalAnd(a, b));
  // Lower than every score, so that no score outweighs the mask; and 0 where nothing is
  // seen, so that the softmax is finite before it is set to 0.
  const some = tf.any(seen, -1, true);
  const hidden = tf.where(some, tf.scalar(LOWEST), tf.zeros(some.shape));
  const masked = tf.where(seen, biased, hidden);
  return tf.mul(tf.softmax(masked), tf.cast(seen, "float32"));
}

/** The lowest float32. */
const LOWEST = -3.4028234663852886e38;

/** Whether each query is at the place of each key or after it, counted from the end. */
function causalMask(queries: number, keys: number): tf.Tensor2D {
  const seen = new Uint8Array(queries * keys);
  for (let i = 0; i < queries; i++) {
    seen.fill(1, i * keys, i * keys + Math.max(keys - queries + i + 1, 0));
  }
  return tf.tensor2d(seen, [queries, keys], "bool");
}

/** -Infinity where {@linkcode causalMask} is false. */
function causalBias(queries: number, keys: number): tf.Tensor2D {
  const bias = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) {
    bias.fill(-Infinity, i * keys + keys - queries + i + 1, (i + 1) * keys);
  }
  return tf.tensor2d(bias, [queries, keys]);
}

function broadcasts(
  shape: readonly number[],
  target: readonly number[],
): boolean {
  return shape.length <= target.length &&
    shape.every((size, i) =>
      size === 1 || size === target[target.length - shape.length + i]
    );
}

function checkShapes(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  timeFirst: boolean,
) {
  const order = (heads: number | string, places: number | string) =>
    timeFirst ? `${places}, ${heads}` : `${heads}, ${places}`;
  for (const [name, x] of Object.entries({ query, key, value })) {
    check(ACTION, name, x, tensor);
    if (x.rank !== 4) {
      const axes = order("heads", "places");
      refuse(ACTION, name, `of shape [batch, ${axes}, size]`, x);
    }
  }
  const [batch, , , size] = query.shape as [number, number, number, number];
  const [heads] = places(query, timeFirst), [, keys] = places(key, timeFirst);
  const isLike = (x: tf.Tensor) =>
    x.shape[0] === batch && places(x, timeFirst)[0] === heads;
  if (!isLike(key) || key.shape[3] !== size) {
    const is = `of shape [${batch}, ${order(heads, "keys")}, ${size}]`;
    refuse(ACTION, "key", is, key);
  }
  if (!isLike(value) || places(value, timeFirst)[1] !== keys) {
    const is = `of shape [${batch}, ${order(heads, keys)}, out]`;
    refuse(ACTION, "value", is, value);
  }
}
