/**
 * Parts of batches, for several processes that train together.
 *
 * @module
 */
import { checkOptions, type OptionRules, refuse } from "../internal/check.ts";

/** A part of each batch, as `world.shard` has it. */
export interface Shard {
  /** The number of the part, from 0. */
  readonly index: number;
  /** How many parts there are. */
  readonly count: number;
}

/** All of each batch. */
export const WHOLE: Shard = { index: 0, count: 1 };

const RULES: OptionRules<Shard> = {
  index: "a nonnegative integer",
  count: "a positive integer",
};

/** Throw unless `shard` is a part of a batch of `batchSize` examples. */
export function checkShard(
  action: string,
  shard: Shard,
  batchSize: number,
): void {
  checkOptions(action, shard, RULES, "shard.");
  const { index, count } = shard;
  for (const name of ["index", "count"] as const) {
    if (shard[name] === undefined) {
      refuse(action, `shard.${name}`, "given", undefined, TypeError);
    }
  }
  if (count > batchSize) {
    const rule =
      `at most batchSize, ${batchSize}, for each part to have examples`;
    refuse(action, "shard.count", rule, count);
  }
  if (index >= count) {
    refuse(action, "shard.index", `less than shard.count, ${count}`, index);
  }
}

/** The part of `whole` that is `shard`'s: parts are as even as can be, and in order. */
export function partOf(whole: Int32Array, { index, count }: Shard): Int32Array {
  const cut = (i: number) => Math.floor(i * whole.length / count);
  return whole.subarray(cut(index), cut(index + 1));
}
