/**
 * The items along the first axis of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../internal/check.ts";
import { isRecording } from "../internal/engine.ts";
import type { Flat } from "./nest.ts";

/** How many items there are, and the items of each number. */
export interface Items {
  /** The number of iterations. */
  readonly length: number;
  /** The items of number `i`, made in the open scope. */
  at(i: number): tf.Tensor[];
}

/**
 * The items of the tensors in `xs`, which must have as many each.
 *
 * @param length The number of items, needed if there is no tensor.
 * @throws {RangeError} If lengths differ, a tensor is a scalar, or there is no item.
 * @throws {TypeError} If there are neither tensors nor a length.
 */
export function itemsOf(
  action: string,
  { leaves, paths }: Flat,
  length: number | undefined,
): Items {
  leaves.forEach((x, i) => {
    const name = `xs${paths[i]}`;
    if (x.rank === 0) refuse(action, name, "a tensor with a first axis", x);
    length ??= x.shape[0]!;
    if (x.shape[0] === length) return;
    refuse(action, name, `of length ${length}, as the others`, x);
  });
  if (length === undefined) {
    throw new TypeError(
      `Cannot ${action}: xs must contain a tensor, or the option length be given`,
    );
  }
  if (length === 0) refuse(action, "the length of xs", "at least 1", 0);
  // The gradient of all items together is one tensor; of slices, one for each.
  const lists = isRecording() ? leaves.map((x) => tf.unstack(x)) : undefined;
  return {
    length,
    at: (i) =>
      lists ? lists.map((list) => list[i]!) : leaves.map((x) => item(x, i)),
  };
}

function item(x: tf.Tensor, i: number): tf.Tensor {
  const [, ...shape] = x.shape;
  return tf.reshape(tf.slice(x, [i], [1]), shape);
}
