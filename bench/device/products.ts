/** Products of matrices: a table of sizes, and of ways to cut them. */
import * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { choose, type Cut } from "../../backend/webgpu/gemm/choose.ts";
import { NOTHING } from "../../backend/webgpu/gemm/epilogue.ts";
import { matrix, type Side } from "../../backend/webgpu/gemm/operand.ts";
import { runCut } from "../../backend/webgpu/gemm/run.ts";
import {
  memoryOf,
  nameOf,
  threadsOf,
  type Tile,
} from "../../backend/webgpu/gemm/tile.ts";
import type { Section, Target } from "../driver/context.ts";
import { digits, table } from "../driver/table.ts";
import { timeOf } from "./_time.ts";

const LAYOUTS = { NN: [false, false], NT: [false, true], TN: [true, false] };
/** Which factors are transposed. */
export type Layout = keyof typeof LAYOUTS;

/** The product of two square matrices, cut like this. */
export function product(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  layout: Layout,
  cut: Cut,
): tf.TensorInfo {
  const [transposeA, transposeB] = LAYOUTS[layout] as [boolean, boolean];
  const size = a.shape[0];
  const factor = (side: Side, isTransposed: boolean) => ({
    ...matrix(side, {
      isTransposed,
      isVector: size % 4 === 0,
      hasEdge: size % cut.tile.k !== 0,
    }),
    begin: `let base${side} = 0u;`,
  });
  return runCut({
    kind: "matmul 0",
    sizes: { m: size, n: size, k: size, batches: 1 },
    factors: () => [factor("A", transposeA), factor("B", !transposeB)],
    inputs: [a, b],
    shape: [size, size],
    epilogue: NOTHING,
  }, cut);
}

/** TFLOP/s of a product of two square matrices. */
export function speed(
  size: number,
  layout: Layout,
  cut: Cut,
  slice: number,
): number {
  const make = () => tf.randomNormal<tf.Rank.R2>([size, size]);
  const a = make(), b = make();
  const multiply = () => {
    const { dataId } = product(a, b, layout, cut);
    webGpuBackend().disposeData(dataId);
  };
  try {
    return 2 * size ** 3 / timeOf(multiply, slice) / 1e9;
  } finally {
    tf.dispose([a, b]);
  }
}

function chosen(size: number): Cut {
  const { limits } = webGpuBackend().device;
  return choose({ m: size, n: size, k: size, batches: 1 }, limits);
}

/** The speed of the cuts that are chosen, by size and layout. */
export function products(isSmall: boolean): Section {
  const sizes = isSmall ? [64, 128] : [512, 1024, 2048, 4096];
  const slice = isSmall ? 20 : 100;
  const targets: Target[] = [], rows: string[][] = [];
  for (const size of sizes) {
    const cut = chosen(size);
    const row = [`${size}`, `${nameOf(cut.tile)}, ${cut.splits}`];
    for (const layout of Object.keys(LAYOUTS) as Layout[]) {
      const got = speed(size, layout, cut, slice);
      row.push(digits(got));
      if (size === (isSmall ? 128 : 2048)) {
        const what = `TFLOP/s of matMul ${size} ${layout}`;
        targets.push({ what, asked: { least: 20 }, got });
      }
    }
    rows.push(row);
  }
  return {
    title: "Products of matrices, TFLOP/s",
    blocks: [table(["size", "tile, parts", ...Object.keys(LAYOUTS)], rows)],
    targets,
    data: rows,
  };
}

const GRID: readonly Tile[] = [
  { m: 128, n: 128, k: 8, threadM: 8, threadN: 8 },
  { m: 128, n: 128, k: 16, threadM: 8, threadN: 8 },
  { m: 128, n: 64, k: 8, threadM: 8, threadN: 8 },
  { m: 64, n: 128, k: 8, threadM: 8, threadN: 8 },
  { m: 64, n: 64, k: 8, threadM: 8, threadN: 8 },
  { m: 64, n: 64, k: 16, threadM: 8, threadN: 8 },
  { m: 64, n: 64, k: 8, threadM: 8, threadN: 16 },
  { m: 64, n: 64, k: 16, threadM: 8, threadN: 4 },
  { m: 64, n: 64, k: 16, threadM: 4, threadN: 4 },
  { m: 64, n: 32, k: 16, threadM: 8, threadN: 4 },
  { m: 32, n: 32, k: 8, threadM: 4, threadN: 4 },
  { m: 32, n: 32, k: 16, threadM: 4, threadN: 4 },
];

/** The speed of other tiles and numbers of parts. */
export function grid(isSmall: boolean): Section {
  const { limits } = webGpuBackend().device;
  const sizes = isSmall ? [64] : [512, 2048];
  const tiles = GRID.filter((tile) =>
    threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup &&
    memoryOf(tile) <= limits.maxComputeWorkgroupStorageSize
  );
  const rows: string[][] = [];
  for (const size of sizes) {
    for (const tile of isSmall ? tiles.slice(-2) : tiles) {
      for (const parts of [1, 4]) {
        const termsPerSplit = tile.k * Math.ceil(size / parts / tile.k);
        const splits = Math.ceil(size / termsPerSplit);
        const cut = { tile, splits, termsPerSplit };
        rows.push([
          `${size}`,
          nameOf(tile),
          `${splits}`,
          ...(["NN", "TN"] as const).map((layout) =>
            digits(speed(size, layout, cut, isSmall ? 20 : 50))
          ),
        ]);
      }
    }
  }
  return {
    title: "Other tiles, TFLOP/s",
    blocks: [table(["size", "tile", "parts", "NN", "TN"], rows)],
    targets: [],
    data: rows,
  };
}
