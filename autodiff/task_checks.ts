/**
 * Checks of what is differentiated.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, tensor } from "../internal/check.ts";
import type { Frame } from "../internal/frames.ts";
import { isThenable } from "../memory.ts";
import type { Task } from "./task.ts";

/** Throws unless argument `i` is a tensor. */
export function checkArgument(args: readonly unknown[], i: number): void {
  check("differentiate", `argument ${i}`, args[i], tensor);
}

/** Argument `i`, which must be a tensor. */
export function argument({ args }: Task, i: number): tf.Tensor {
  checkArgument(args, i);
  return args[i] as tf.Tensor;
}

/** Throws unless states and arguments are of float32. */
export function checkFloats(
  { states, argnums }: Task,
  before: readonly tf.Tensor[],
  inputs: readonly tf.Tensor[],
) {
  const names = [...states.values()].map((path) => `state "${path}"`);
  names.push(...argnums.map((i) => `argument ${i}`));
  [...before, ...inputs].forEach((x, i) => {
    const dtype = x instanceof tf.Tensor ? x.dtype : typeof x;
    if (dtype === "float32") return;
    throw new TypeError(
      `Cannot differentiate: ${
        names[i]
      } must be of float32: current dtype is ${dtype}`,
    );
  });
}

/** `[value, aux]`, which the function must have returned. */
export function pair(result: unknown): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) {
    return result as [unknown, unknown];
  }
  throw new TypeError(
    `Cannot differentiate: with hasAux the function must return [value, aux]: it returned ${
      Array.isArray(result) ? `${result.length} elements` : typeof result
    }`,
  );
}

/** Throws unless the function returned a tensor, or a scalar, of float32. */
export function checkValue(
  { scalar }: Pick<Task, "scalar">,
  loss: unknown,
): asserts loss is tf.Tensor {
  const problem = isThenable(loss)
    ? "it returned a promise"
    : !(loss instanceof tf.Tensor)
    ? `it returned ${
      Array.isArray(loss) ? "an array: set hasAux to return more" : typeof loss
    }`
    : loss.isDisposed
    ? "it has been disposed"
    : loss.dtype !== "float32"
    ? `current dtype is ${loss.dtype}`
    : scalar && loss.rank > 0
    ? `current shape is [${loss.shape}]`
    : undefined;
  if (problem === undefined) return;
  throw new TypeError(
    `Cannot differentiate: the function must return a ${
      scalar ? "scalar" : "tensor"
    } of float32: ${problem}`,
  );
}

/** Throws unless every state was read. */
export function checkRead({ states }: Task, { reads }: Frame) {
  const unread = [...states].filter(([state]) => !reads.has(state));
  if (unread.length === 0) return;
  throw new Error(
    `Cannot differentiate: the function must read every state: it did not read ${
      unread.map(([, path]) => `"${path}"`).join(", ")
    }: take no such states (for fit and train.step, register none with the optimizer), or give autodiff.grad the option checkStates: false for gradients of zero`,
  );
}
