/** Products and steps in mixed precision beside full precision. */
import { setPrecision } from "../../backend/precision.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { choose, type Cut } from "../../backend/webgpu/gemm/choose.ts";
import {
  memoryOf,
  nameOf,
  threadsOf,
  type Tile,
} from "../../backend/webgpu/gemm/tile.ts";
import { random, train } from "../../mod.ts";
import type { Section } from "../driver/context.ts";
import { digits, table } from "../driver/table.ts";
import { type Layout, speed } from "./products.ts";
import { ENTRIES, type Entry } from "./steps.ts";

/**
 * Tiles that factors of f16 leave room for: with more terms in memory, and with more
 * results for each value that is loaded.
 */
export const LARGER: readonly Tile[] = [
  { m: 128, n: 128, k: 16, threadM: 8, threadN: 8 },
  { m: 128, n: 128, k: 32, threadM: 8, threadN: 8 },
  { m: 64, n: 64, k: 32, threadM: 8, threadN: 8 },
  { m: 256, n: 128, k: 8, threadM: 8, threadN: 8 },
  { m: 256, n: 128, k: 16, threadM: 8, threadN: 8 },
];

const PRECISIONS = ["full", "mixed"] as const;
const LAYOUTS: readonly Layout[] = ["NN", "NT", "TN"];

/** TFLOP/s in both precisions, of the cut that is chosen and of larger tiles. */
function products(isSmall: boolean): string[][] {
  const { limits } = webGpuBackend().device;
  const slice = isSmall ? 10 : 50;
  const rows: string[][] = [];
  for (const size of isSmall ? [64] : [512, 1024, 2048, 4096]) {
    const chosen = choose({ m: size, n: size, k: size, batches: 1 }, limits);
    const larger = LARGER.map((tile): Cut => ({
      tile,
      splits: 1,
      termsPerSplit: tile.k * Math.ceil(size / tile.k),
    }));
    for (const cut of [chosen, ...isSmall ? larger.slice(0, 1) : larger]) {
      const { tile } = cut;
      const cells = PRECISIONS.flatMap((precision) => {
        const bytes = memoryOf(tile) / (precision === "mixed" ? 2 : 1);
        const fits = bytes <= limits.maxComputeWorkgroupStorageSize &&
          threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup;
        if (!fits) return LAYOUTS.map(() => "does not fit");
        setPrecision(precision);
        try {
          return LAYOUTS.map((layout) =>
            digits(speed(size, layout, cut, slice))
          );
        } finally {
          setPrecision("full");
        }
      });
      const name = cut === chosen ? `${nameOf(tile)}, chosen` : nameOf(tile);
      rows.push([`${size}`, name, `${cut.splits}`, ...cells]);
    }
  }
  return rows;
}

/** Steps before those that are measured. */
const WARM_UP = 20;

/** Milliseconds of a step of `fit`; `isRead` if each is read, as with `onStep`. */
async function timeOfFit(
  make: Entry["make"],
  { compile, isRead, steps }: {
    readonly compile: boolean;
    readonly isRead: boolean;
    readonly steps: number;
  },
): Promise<number> {
  random.seed(1);
  const { loss, optimizer, batch } = make();
  let start = 0;
  const data = function* () {
    for (let i = 0;; i++) {
      // The first steps find the scale, and compile.
      if (i === WARM_UP) start = performance.now();
      yield batch(i);
    }
  };
  await train.fit({
    ...{ loss, optimizer, data, compile, logEvery: 1e6 },
    steps: WARM_UP + steps,
    ...(isRead ? { callbacks: [{ onStep() {} }] } : {}),
  });
  return (performance.now() - start) / steps;
}

/** Milliseconds of steps of `fit` in both precisions. */
async function steps(isSmall: boolean): Promise<string[][]> {
  const rows: string[][] = [];
  for (const { name, make, small } of isSmall ? ENTRIES.slice(0, 1) : ENTRIES) {
    for (const compile of [false, true]) {
      const row = [name, compile ? "compiled" : "as it is"];
      for (
        const [precision, isRead] of [
          ["full", false],
          ["mixed", false],
          ["mixed", true],
        ] as const
      ) {
        setPrecision(precision);
        try {
          const options = { compile, isRead, steps: isSmall ? 5 : 64 };
          row.push(digits(await timeOfFit(isSmall ? small : make, options)));
        } finally {
          setPrecision("full");
        }
      }
      rows.push(row);
    }
  }
  return rows;
}

/** Products and steps in both precisions. */
export async function mixed(isSmall: boolean): Promise<Section> {
  const title = "Mixed precision";
  if (!webGpuBackend().device.features.has("shader-f16")) {
    const blocks = ["The adapter has no shader-f16."];
    return { title, blocks, targets: [], data: null };
  }
  const data = { products: products(isSmall), steps: await steps(isSmall) };
  const head = PRECISIONS.flatMap((precision) =>
    LAYOUTS.map((layout) => `${layout}, ${precision}`)
  );
  return {
    title,
    blocks: [
      "Products, TFLOP/s:",
      table(["size", "tile", "parts", ...head], data.products),
      "Steps of `fit`, milliseconds:",
      table(
        ["", "", "full", "mixed", "mixed, each step read"],
        data.steps,
      ),
    ],
    targets: [],
    data,
  };
}
