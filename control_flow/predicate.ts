/**
 * Tensors that decide what is done next.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { readsAtOnce } from "../backend/read.ts";
import { check, refuse, tensor } from "../internal/check.ts";

/** A boolean, or a scalar tensor of dtype `bool`. */
export type Predicate = boolean | tf.Tensor;

/**
 * Throws unless `x` is a {@linkcode Predicate}.
 *
 * @throws {TypeError} If it is no boolean.
 * @throws {RangeError} If it is a tensor with axes.
 */
export function checkPredicate(
  action: string,
  name: string,
  x: unknown,
): asserts x is Predicate {
  if (typeof x === "boolean") return;
  const rule = "a boolean or a boolean scalar";
  if (!(x instanceof tf.Tensor) || x.dtype !== "bool") {
    refuse(action, name, rule, x, TypeError);
  }
  if (x.rank > 0) refuse(action, name, rule, x, RangeError);
}

/**
 * Whether `x` is true.
 *
 * @throws {Error} If it is a tensor, and the backend cannot read without waiting.
 */
export function isTrue(action: string, name: string, x: unknown): boolean {
  checkPredicate(action, name, x);
  return typeof x === "boolean" ? x : readScalar(action, name, x) !== 0;
}

/** The only element of `x`, at once. */
export function readScalar(action: string, name: string, x: tf.Tensor): number {
  check(action, name, x, tensor);
  if (!readsAtOnce()) {
    throw new Error(
      `Cannot ${action}: ${name} is a tensor, which ${tf.getBackend()} cannot read without waiting: await its data(), and give the value`,
    );
  }
  return x.dataSync()[0]!;
}
