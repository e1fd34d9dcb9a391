/**
 * Checks of what several processes train with.
 *
 * @module
 */
import { currentPrecision } from "../backend/precision.ts";
import { checkOptions, refuse } from "../internal/check.ts";
import type { Batch } from "../data/batch.ts";
import { shardOf, sizeOf } from "../data/sources.ts";
import { DILOCO_RULES } from "../distributed/diloco.ts";
import type { World } from "../distributed/world.ts";
import { Embedding } from "../nn/mod.ts";
import { checkShards, ownPart } from "./check_parts.ts";
import { averaging } from "./evaluation_weights.ts";
import type { FitOptions } from "./fit_options.ts";
import { hasLineSearch } from "./part_stepper.ts";
import { evaluatesAgain } from "./stepping.ts";

/** Throw if several processes cannot train with `options`. */
export function checkWorld<B extends Batch>(options: FitOptions<B>): void {
  const { world, data, optimizer, overfitBatches } = options;
  const size = world?.size ?? 1;
  checkShards("fit", "data", data, world);
  const { shardOptimizer = false, diloco, nan } = options;
  if (diloco) checkOptions("fit", diloco, DILOCO_RULES, "diloco.");
  for (
    const [name, value] of [["shardOptimizer", shardOptimizer || undefined], [
      "diloco",
      diloco,
    ]] as const
  ) {
    if (value !== undefined && !world) {
      throw new TypeError(
        `Cannot fit: ${name} needs the option world, which mpi() returns`,
      );
    }
  }
  if (diloco && shardOptimizer) {
    refuse("fit", "shardOptimizer", "left out with diloco", shardOptimizer);
  }
  if (diloco && averaging(optimizer)) {
    throw new TypeError(
      `Cannot fit: diloco must be left out with ${optimizer.constructor.name}, whose slots it would not average`,
    );
  }
  if (diloco && nan === "skip") {
    refuse("fit", "nan", '"stop" or "ignore" with diloco', nan);
  }
  if (size === 1) return;
  const precision = currentPrecision();
  // Ranks would skip different steps, and meet at different ones.
  if (diloco && precision !== "full") {
    const rule = '"full" with diloco';
    refuse("fit", "the precision of useBackend", rule, precision);
  }
  if (hasLineSearch(optimizer)) {
    throw new TypeError(
      "Cannot fit: several processes cannot take steps with a line search: leave out lineSearch",
    );
  }
  if (evaluatesAgain(optimizer)) {
    throw new TypeError(
      `Cannot fit: several processes cannot take steps of ${optimizer.constructor.name}, which evaluates each batch again`,
    );
  }
  for (const [path, part] of Object.entries(options.model?.modules() ?? {})) {
    if (part instanceof Embedding && part.maxNorm !== null) {
      throw new TypeError(
        `Cannot fit: several processes cannot train an Embedding with maxNorm, as "${path}" has: each would write the rows of its own batch`,
      );
    }
  }
  if (overfitBatches !== undefined) {
    refuse("fit", "overfitBatches", "left out in a world", overfitBatches);
  }
  checkEqual(options, world!);
}

/** Throw on all ranks unless they have the same of what decides on the steps. */
function checkEqual<B extends Batch>(
  options: FitOptions<B>,
  world: World,
): void {
  const { checkpoint, diloco, resume, schedule, validation } = options;
  const { epochs, steps, accumulate, gradClipNorm, gradClipValue } = options;
  const { evaluateEvery, logEvery, fastDevRun, nan, shardOptimizer } = options;
  const ofRanks = world.gather({
    ...{ epochs, steps, accumulate, gradClipNorm, gradClipValue },
    ...{ evaluateEvery, logEvery, fastDevRun, nan, shardOptimizer, resume },
    "diloco.every": diloco && (diloco.every ?? null),
    "checkpoint.every": checkpoint && (checkpoint.every ?? null),
    "checkpoint.best": checkpoint && Boolean(checkpoint.best),
    schedule: typeof schedule === "function" ? undefined : schedule,
    "the number of batches": sizeOf(options.data),
    "the number of batches for validation": validation && sizeOf(validation),
  }) as Readonly<Record<string, unknown>>[];
  const names = new Set(ofRanks.flatMap((of) => Object.keys(of)));
  for (const name of names) {
    const [first, ...others] = ofRanks.map((of) => of[name]);
    const other = others.find((value) => value !== first);
    if (others.every((value) => value === first)) continue;
    const is = `the same on all ranks, on the first one ${first}`;
    refuse("fit", name, is, other);
  }
  const parts = world.gather(shardOf(options.data) ?? null);
  for (const [rank, part] of parts.entries()) {
    if (!part || part.count === 1 || part.index === rank) continue;
    refuse("fit", "data", ownPart(rank), part.index);
  }
}
