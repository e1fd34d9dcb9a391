/**
 * Sizes: the shapes that layers take and return, without the batch.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { check, tensor } from "../../internal/check.ts";

/**
 * The sizes of a tensor's axes without the batch; `null` where any size will do.
 *
 * Sizes are compared from the last axis backward, as far as both are known.
 */
export type Size = readonly (number | null)[];

/** A layer that can compute the size of its output from that of its input. */
export interface Sized {
  /** The size of the last axes of the input. */
  readonly inSize?: Size;
  /**
   * The size of the output.
   *
   * @param inSize The size of the input.
   * @throws {RangeError} If the layer cannot take an input of this size.
   */
  outSize(inSize: Size): Size;
}

/** Whether `layer` has a method `outSize`. */
export function isSized(layer: object): layer is Sized {
  return "outSize" in layer && typeof layer.outSize === "function";
}

/** Throws unless `size` is compatible with `expected`. */
export function checkSize(name: string, expected: Size, size: Size): void {
  const axes = Math.min(expected.length, size.length);
  for (let i = 1; i <= axes; i++) {
    const [want, have] = [expected.at(-i)!, size.at(-i)!];
    if (want !== null && have !== null && want !== have) {
      throw new RangeError(
        `Cannot build ${name}: its input must have size ${
          show(expected)
        }: current size is ${show(size)}`,
      );
    }
  }
}

/**
 * Throws unless `x` is a tensor that ends in the axes `expected`.
 *
 * Layers call it first in `update`, so that a wrong shape is reported with the name
 * of the layer rather than by an operation inside it.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertThrows } from "@std/assert";
 *
 * await useBackend("cpu");
 * assertThrows(
 *   () => nn.checkInput("Scale", tf.ones([2, 3]), [4]),
 *   RangeError,
 *   "Cannot call Scale: the input must have shape [..., 4]: current shape is [2, 3]",
 * );
 * ```
 *
 * @param name The name of the layer in the error.
 * @param x The input.
 * @param expected The sizes of its last axes; `null` allows any size.
 * @param rank How many axes it must have. Default: any number, but no fewer than
 * `expected` has.
 * @throws {TypeError} If `x` is not a tensor.
 * @throws {RangeError} If its shape does not fit.
 */
export function checkInput(
  name: string,
  x: tf.Tensor,
  expected: Size,
  rank?: number,
): void {
  check(`call ${name}`, "the input", x, tensor);
  const ranked = rank === undefined
    ? x.rank >= expected.length
    : x.rank === rank;
  const fits = ranked &&
    expected.every((size, i) =>
      size === null || x.shape[x.rank - expected.length + i] === size
    );
  if (fits) return;
  const free = rank === undefined
    ? ["..."]
    : Array(rank - expected.length).fill("any");
  throw new RangeError(
    `Cannot call ${name}: the input must have shape ${
      show([...free, ...expected])
    }: current shape is ${show(x.shape)}`,
  );
}

/** A size or shape as errors print it. */
export function show(size: readonly (number | string | null)[]): string {
  return `[${size.map((axis) => axis ?? "any").join(", ")}]`;
}

/**
 * The number of channels or features: the number itself, or the last axis of a size.
 *
 * @param name The name of the layer in the error.
 * @param what The name of the argument in the error.
 * @param size The number or size.
 */
export function lastAxis(
  name: string,
  what: string,
  size: number | Size,
): number {
  const count = Array.isArray(size) ? size.at(-1) : size;
  check(`create ${name}`, what, count, "a positive integer");
  return count;
}
