/**
 * Predictions of many examples, computed in batches.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { environ } from "../../environ.ts";
import { withoutTape } from "../../internal/engine.ts";
import { mapTensors, scope } from "../../memory.ts";

/** Run `fn` as a model that predicts, on at most `size` examples at a time. */
export function predictInBatches<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  size: number,
): R {
  return withoutTape(() =>
    environ.context({ fit: false }, () => inBatches(fn, args, size))
  );
}

/**
 * Run `fn` on at most `size` examples at a time, and join what it returns. The first
 * axis of each tensor counts the examples, in arguments and results.
 */
function inBatches<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  size: number,
): R {
  const count = examplesIn(args);
  if (count === undefined || count <= size) return scope(() => fn(...args));
  return scope(() => {
    const parts: R[] = [];
    for (let first = 0; first < count; first += size) {
      const n = Math.min(size, count - first);
      const part = scope(() => fn(...rowsOf(args, first, n)));
      mapTensors(part, (y) => {
        if (y.shape[0] === n) return y;
        throw new RangeError(
          `Cannot predict in batches: the first axis of what the model returns must count the examples, which are ${n}: current shape is [${y.shape}]`,
        );
      });
      parts.push(part);
    }
    return joined(parts);
  });
}

/** How many examples there are; undefined if no argument is a tensor. */
function examplesIn(args: readonly unknown[]): number | undefined {
  let count: number | undefined;
  mapTensors(args, (x) => {
    count ??= x.shape[0];
    if (x.shape[0] !== undefined && x.shape[0] === count) return x;
    throw new RangeError(
      `Cannot predict: the first axis of each tensor must count the examples, which are ${
        count ?? "unknown"
      }: current shape is [${x.shape}]`,
    );
  });
  return count;
}

function rowsOf<A extends readonly unknown[]>(
  args: A,
  first: number,
  count: number,
): A {
  return mapTensors(args, (x) => {
    const begin = x.shape.map((_, axis) => axis === 0 ? first : 0);
    return tf.slice(x, begin, [count, ...x.shape.slice(1)]);
  });
}

/** The results of batches as one. */
function joined<R>(parts: readonly R[]): R {
  const lists: tf.Tensor[][] = [];
  for (const part of parts) {
    let i = 0;
    mapTensors(part, (y) => {
      (lists[i++] ??= []).push(y);
      return y;
    });
  }
  let i = 0;
  return mapTensors(parts[0]!, () => tf.concat(lists[i++]!, 0));
}
