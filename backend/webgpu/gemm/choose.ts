/**
 * How a product is cut, by its shape and the device's limits only: the cut decides the
 * order of additions, so a product has the same bits in every run.
 *
 * @module
 */
import { memoryOf, THIN, threadsOf, type Tile, TILES } from "./tile.ts";

/** The sizes of a product: `batches` times [m, k] by [k, n]. */
export interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches: number;
}

/** The limits that matter. */
export type TileLimits = Pick<
  GPUSupportedLimits,
  "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupStorageSize"
>;

/** A cut. */
export interface Cut {
  readonly tile: Tile;
  /** Parts that the terms are cut into, which are added afterwards. */
  readonly splits: number;
  /** Terms of each part but the last: a multiple of the tile's. */
  readonly termsPerSplit: number;
}

/** Workgroups that keep a large card busy: about two for each of its processors. */
const ENOUGH = 256;
/** What is nearly as good. */
const NEARLY = 0.75 * ENOUGH;
/** The least terms of a part. */
const LEAST_TERMS = 128;
/** The most results that are computed for each that is needed. */
const MOST_WASTE = 1.5;

/**
 * The largest tile that gives enough workgroups, if need be with the terms cut; or the
 * smallest tile, with the terms cut as often as is worth it. The largest tile is not
 * cut: the next one computes as much for each value that it loads.
 */
export function choose(sizes: Sizes, limits: TileLimits): Cut {
  const { m, n, k, batches } = sizes;
  const tiles = m <= 4 ? [THIN.rows] : n <= 4 ? [THIN.columns] : TILES;
  const fitting = tiles.filter((tile) =>
    threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup &&
    memoryOf(tile) <= limits.maxComputeWorkgroupStorageSize
  );
  const mostSplits = Math.max(1, Math.floor(k / LEAST_TERMS));
  for (const tile of fitting) {
    const count = Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * batches;
    const isLast = tile === fitting.at(-1);
    if (!isLast && count * tile.m * tile.n > MOST_WASTE * m * n * batches) {
      continue;
    }
    if (count >= ENOUGH) return cut(tile, k, 1);
    const splits = Math.min(mostSplits, Math.floor(ENOUGH / count));
    const isEnough = tile !== TILES[0] && count * splits >= NEARLY;
    if (isLast || isEnough) return cut(tile, k, splits);
  }
  throw new Error(
    "Cannot multiply: the device has less memory than WebGPU promises",
  );
}

function cut(tile: Tile, k: number, splits: number): Cut {
  const termsPerSplit = tile.k * Math.ceil(k / splits / tile.k);
  return { tile, splits: Math.ceil(k / termsPerSplit), termsPerSplit };
}
