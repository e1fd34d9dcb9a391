/**
 * Checks of data in parts.
 *
 * @module
 */
import { refuse } from "../internal/check.ts";
import type { Batch } from "../data/batch.ts";
import { type BatchSource, shardOf } from "../data/sources.ts";
import type { World } from "../distributed/world.ts";

/** Throw unless data that is in parts is in those of the ranks. */
export function checkShards<B extends Batch>(
  action: string,
  name: string,
  data: BatchSource<B>,
  world: World | undefined,
): void {
  const shard = shardOf(data), size = world?.size ?? 1;
  if (shard && shard.count !== size) {
    const rule =
      `in as many parts as there are processes, ${size}: give batches the option shard: world.shard, and ${action} the option world`;
    refuse(action, name, rule, shard.count);
  }
}

/** What the part of a rank must be, for errors. */
export function ownPart(rank: number): string {
  return `the part of process ${rank}: give batches the option shard: world.shard`;
}

/** Throw unless `data` is in parts, one for each process, and can be measured so. */
export function checkParts<B extends Batch>(
  action: string,
  name: string,
  data: BatchSource<B>,
  measures: Readonly<Record<string, unknown>>,
  world: World | undefined,
): void {
  checkShards(action, name, data, world);
  const { size = 1, rank = 0 } = world ?? {};
  const { count = 1, index = 0 } = shardOf(data) ?? {};
  if (count > 1 && index !== rank) refuse(action, name, ownPart(rank), index);
  for (const [name, measure] of Object.entries(measures)) {
    if (size === 1 || typeof measure === "function") continue;
    throw new TypeError(
      `Cannot ${action}: the metric "${name}" counts the examples of one process: measure all of the data in each, without the option shard`,
    );
  }
}
