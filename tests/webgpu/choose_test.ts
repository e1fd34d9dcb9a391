/** How products are cut. */
import { assert, assertEquals } from "@std/assert";
import { choose, type TileLimits } from "../../backend/webgpu/gemm/choose.ts";
import {
  memoryOf,
  THIN,
  threadsOf,
  TILES,
} from "../../backend/webgpu/gemm/tile.ts";

/** What WebGPU promises, and what two cards have. */
const LIMITS = {
  least: [256, 16384],
  laptop: [1024, 32768],
  "H100": [1024, 49152],
} as const;

function limitsOf(name: keyof typeof LIMITS): TileLimits {
  const [invocations, memory] = LIMITS[name];
  return {
    maxComputeInvocationsPerWorkgroup: invocations,
    maxComputeWorkgroupStorageSize: memory,
  };
}

/** Sizes [m, n, k, batches]; the tile's rows, and how often the terms are cut. */
const CUTS: [number[], [rows: number, splits: number]][] = [
  [[1, 1, 1, 1], [4, 1]],
  [[1, 1000, 4096, 1], [4, 32]],
  [[25088, 1, 600, 1], [256, 2]],
  [[128, 10, 128, 1], [32, 1]],
  [[128, 256, 784, 1], [32, 6]],
  [[12, 64, 65, 48], [32, 1]],
  [[512, 512, 512, 1], [64, 4]],
  [[1024, 1024, 1024, 1], [64, 1]],
  [[2048, 2048, 2048, 1], [128, 1]],
  [[4096, 4096, 4096, 1], [128, 1]],
  [[16384, 384, 1536, 1], [128, 1]],
  [[256, 256, 64, 384], [128, 1]],
  // A gradient of a filter: few results of many terms.
  [[216, 32, 25600, 1], [32, 36]],
  [[25, 24, 147456, 1], [32, 256]],
];

for (const name of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
  Deno.test(`products are cut by their shape, with the limits of ${name}`, () => {
    for (const [[m, n, k, batches], [rows, splits]] of CUTS) {
      const sizes = { m: m!, n: n!, k: k!, batches: batches! };
      const cut = choose(sizes, limitsOf(name));
      assertEquals([cut.tile.m, cut.splits], [rows, splits], `${m} ${n} ${k}`);
      assert((cut.splits - 1) * cut.termsPerSplit < k!);
      assert(cut.splits * cut.termsPerSplit >= k!);
      assertEquals(cut.termsPerSplit % cut.tile.k, 0);
    }
  });
}

Deno.test("all tiles fit what WebGPU promises of every device", () => {
  const [invocations, memory] = LIMITS.least;
  for (const tile of [...TILES, ...Object.values(THIN)]) {
    assert(threadsOf(tile) <= invocations && memoryOf(tile) <= memory);
    for (
      const size of [tile.m / tile.threadM, tile.threadM / 4, tile.threadN / 4]
    ) {
      assertEquals(size, Math.floor(size));
    }
  }
});
