/**
 * Branches that tensors choose.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { callable, check, nonemptyListOf, refuse } from "../internal/check.ts";
import { asNew, flatten, rebuild, type TensorNest } from "./nest.ts";
import { isTrue, type Predicate, readScalar } from "./predicate.ts";

/**
 * Calls `onTrue` or `onFalse` with `operands`: only one of them is run. It reads and
 * writes states, and gradients flow through it, as if it were called alone.
 *
 * A predicate that is a tensor is read, which takes no time on CPU and WASM but is not
 * possible on WebGPU: there it must be a boolean. A compiled function that reads one is
 * run as it is.
 *
 * @example A step that depends on a tensor
 * ```ts
 * import { cond, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.scalar(-3);
 * const y = cond(tf.greater(x, 0), (x) => tf.sqrt(x), (x) => tf.neg(x), x);
 * assertEquals([...await y.data()], [3]);
 * ```
 *
 * @typeParam A The operands.
 * @typeParam R What the branches return.
 * @param predicate A boolean, or a scalar tensor of dtype `bool`.
 * @param onTrue Called if the predicate is true. Returns a nest of tensors.
 * @param onFalse Called if it is false. Returns a nest of tensors.
 * @param operands The arguments of both functions.
 * @returns What the function returns; its tensors are new, and the caller's.
 * @throws {TypeError} If the predicate is no boolean, or the function returns anything
 * but tensors.
 * @throws {RangeError} If the predicate is a tensor with axes.
 * @throws {Error} If the predicate is a tensor on WebGPU.
 */
export function cond<A extends readonly unknown[], R extends TensorNest | void>(
  predicate: Predicate,
  onTrue: (...operands: NoInfer<A>) => R,
  onFalse: (...operands: NoInfer<A>) => R,
  ...operands: A
): R {
  check("run cond", "the second argument", onTrue, callable);
  check("run cond", "the third argument", onFalse, callable);
  const isChosen = isTrue("run cond", "the predicate", predicate);
  return run("run cond", () => (isChosen ? onTrue : onFalse)(...operands));
}

/**
 * Calls the function of `branches` that has the number `index`, with `operands`, as
 * {@linkcode cond} does.
 *
 * @example One of three
 * ```ts
 * import { switchCase, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const branches = [tf.neg, tf.square, tf.sqrt];
 * const y = switchCase(tf.scalar(1, "int32"), branches, tf.scalar(3));
 * assertEquals([...await y.data()], [9]);
 * ```
 *
 * @typeParam A The operands.
 * @typeParam R What the branches return.
 * @param index An integer, or a scalar tensor of dtype `int32`.
 * @param branches The functions.
 * @param operands The arguments of the function.
 * @returns What the function returns; its tensors are new, and the caller's.
 * @throws {TypeError} If the index is no integer, or the function returns anything but
 * tensors.
 * @throws {RangeError} If there is no branch of that number.
 * @throws {Error} If the index is a tensor on WebGPU.
 */
export function switchCase<
  A extends readonly unknown[],
  R extends TensorNest | void,
>(
  index: number | tf.Tensor,
  branches: readonly ((...operands: NoInfer<A>) => R)[],
  ...operands: A
): R {
  const action = "run switchCase";
  check(action, "branches", branches, nonemptyListOf(callable));
  const i = typeof index === "number" ? index : readIndex(action, index);
  if (!Number.isInteger(i) || i < 0 || i >= branches.length) {
    const rule = `an integer from 0 to ${branches.length - 1}`;
    refuse(action, "the index", rule, i);
  }
  return run(action, () => branches[i]!(...operands));
}

function readIndex(action: string, index: unknown): number {
  const rule = "an integer or an int32 scalar";
  if (!(index instanceof tf.Tensor) || index.dtype !== "int32") {
    refuse(action, "the index", rule, index, TypeError);
  }
  if (index.rank > 0) refuse(action, "the index", rule, index);
  return readScalar(action, "the index", index);
}

/** What `fn` returns, with tensors that are new; the others that it makes are freed. */
function run<R>(action: string, fn: () => R): R {
  return tf.tidy(() => {
    const result = fn();
    const { leaves } = flatten(action, "the result", result);
    return rebuild(result, leaves.map(asNew())) as tf.TensorContainer;
  }) as R;
}
