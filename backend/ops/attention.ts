import type * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { oneKernel, runKernel } from "../kernel.ts";

/** The largest size of a head that there are kernels for. */
const LARGEST_HEAD = 128;

/** Options of {@linkcode attention}. */
export interface PlainAttentionOptions {
  /** Whether query `i` sees only the keys up to `i + keys - queries`. */
  readonly causal: boolean;
  /** Whether all tensors have the axis of time before that of heads. */
  readonly timeFirst: boolean;
}

/**
 * Attention without masks, except that of time, as one kernel where there is one: it
 * keeps one or two numbers of each query for the gradient, and no weights.
 *
 * ```text
 * softmax(Q Kᵀ / √size) V
 * ```
 *
 * @param query `[batch, heads, queries, size]`
 * @param key `[batch, heads, keys, size]`
 * @param value `[batch, heads, keys, out]`
 * @param options See {@linkcode PlainAttentionOptions}.
 * @param composed The same of ops: where there is no kernel for it, and for second
 * derivatives.
 * @returns `[batch, heads, queries, out]`
 */
export function attention(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  options: PlainAttentionOptions,
  composed: () => tf.Tensor4D,
): tf.Tensor4D {
  const inputs = { query, key, value };
  const { causal, timeFirst } = options, time = timeFirst ? 1 : 2;
  const size = query.shape[3], out = value.shape[3];
  const queries = query.shape[time], keys = key.shape[time];
  const isCovered = size === out && size <= LARGEST_HEAD &&
    (!causal || queries <= keys) &&
    Object.values(inputs).every((x) => x.size > 0 && x.dtype === "float32");
  if (!isCovered) return composed();
  return oneKernel("Attention", () => asKernel(inputs, options), composed);
}

function asKernel(
  inputs: Record<"query" | "key" | "value", tf.Tensor4D>,
  { causal, timeFirst }: PlainAttentionOptions,
): tf.Tensor4D {
  const attrs = { causal, timeFirst };
  return engine().runKernelFunc({
    inputs,
    forwardFunc(_, save) {
      const [y, lse] = runKernel(
        "Attention",
        inputs,
        attrs,
      ) as unknown as tf.Tensor[];
      const { query, key, value } = inputs;
      save([query, key, value, y!, lse!]);
      return y!;
    },
    backwardsFunc(dy, [query, key, value, y, lse]) {
      const [dq, dk, dv] = runKernel("AttentionGrad", {
        ...{ query: query!, key: key!, value: value! },
        ...{ y: y!, lse: lse!, dy },
      }, attrs) as unknown as tf.Tensor[];
      return { query: () => dq!, key: () => dk!, value: () => dv! };
    },
  }) as tf.Tensor4D;
}
