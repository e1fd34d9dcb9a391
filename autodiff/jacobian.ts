/**
 * Jacobians.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import type { GradsFor } from "./grad.ts";
import { vjp, type VjpOptions } from "./vjp.ts";

/**
 * The function that computes the Jacobian of `fn`: the derivative of each
 * element of its value in each element of states and arguments.
 *
 * Shapes are the value's shape, then the input's. It runs `fn` once for each
 * element of the value.
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam O The options.
 * @param fn Returns a tensor of any shape.
 * @param options As of {@linkcode grad}.
 * @returns A function of the arguments of `fn`, which gives tensors in the
 * structure that {@linkcode grad} would.
 */
export function jacobian<
  A extends readonly unknown[],
  const O extends VjpOptions = Record<never, never>,
>(
  fn: (...args: A) => tf.Tensor,
  options: O = {} as O,
): (...args: A) => JacobianOf<GradsFor<A, O>> {
  const product = vjp(fn, options);
  return (...args) =>
    scope(() => {
      const { value, pullback, dispose } = product(...args);
      const rows = Array.from({ length: value.size }, (_, i) => {
        const onehot = new Float32Array(value.size);
        onehot[i] = 1;
        return pullback(tf.tensor(onehot, value.shape));
      });
      dispose();
      return stack(rows, value.shape) as JacobianOf<GradsFor<A, O>>;
    });
}

/** Tensors of any rank, in the structure of gradients `G`. */
export type JacobianOf<G> = G extends tf.Tensor ? tf.Tensor
  : { [K in keyof G]: JacobianOf<G[K]> };

/** Nests of equal structure, stacked tensor by tensor along new axes `shape`. */
function stack(rows: readonly unknown[], shape: readonly number[]): unknown {
  const [first] = rows;
  if (first instanceof tf.Tensor) {
    const tensors = rows as tf.Tensor[];
    return tf.reshape(tf.stack(tensors), [...shape, ...first.shape]);
  }
  const at = (key: string) =>
    rows.map((row) => (row as Record<string, unknown>)[key]);
  if (Array.isArray(first)) {
    return first.map((_, i) => stack(at(String(i)), shape));
  }
  return Object.fromEntries(
    Object.keys(first as object).map((key) => [key, stack(at(key), shape)]),
  );
}
