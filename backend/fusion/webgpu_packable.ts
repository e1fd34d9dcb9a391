/**
 * Which rows of a kernel can be computed as one: see `webgpu_pack.ts`.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGpuBackend } from "../webgpu/backend.ts";
import { isBeingRead } from "../webgpu/reads.ts";
import type { Kernel, Row } from "./kernel.ts";
import { type Program, programOf } from "./webgpu_program.ts";
import { overwrites } from "./wgsl.ts";

/** Elements of the largest tensor that is packed: larger ones fill a dispatch. */
export const LARGEST = 2 ** 16;

/** The most elements of a pack. */
const MOST = 2 ** 24;

/** The most rows of a pack, which is an axis of a dispatch. */
const MOST_ROWS = 2 ** 15;

/** A row, and its number among the rows of the launch that have elements. */
export interface PackRow {
  readonly row: Row;
  /** Its number among all rows. */
  readonly at: number;
  readonly cell: number;
}

/** What a kernel overwrites. */
export function slotsOf(kernel: Kernel): string[] {
  return Object.keys(kernel.outputs).filter((name) => overwrites(kernel, name));
}

/** Whether rows of a kernel can be packed at all. */
function canPack(kernel: Kernel, { sums }: Program): boolean {
  return Object.values(kernel.inputs).includes("each") &&
    Object.values(kernel.outputs).every(({ extent }) => extent === "each") &&
    sums.flat().every(({ head }) =>
      head.kind === "sum" && head.over === "step"
    );
}

/** Rows that can be computed as one: those with the same numbers, and small. */
export function packable(
  backend: WebGpuBackend,
  kernel: Kernel,
  rows: readonly PackRow[],
): PackRow[][] {
  const program = programOf(kernel);
  if (backend.isRecorded || !canPack(kernel, program)) return [];
  const slots = slotsOf(kernel), names = Object.keys(kernel.inputs);
  const ones = names.filter((name) => kernel.inputs[name] === "one");
  const isFree = ({ inputs }: Row) =>
    slots.every((name) => {
      const { dataId } = inputs[name]!;
      return backend.tensorMap.get(dataId).refCount === 1 &&
        !isBeingRead(dataId) &&
        names.every((other) =>
          other === name || inputs[other]!.dataId !== dataId
        );
    });
  const groups = new Map<string, { pack: PackRow[]; size: number }>();
  const packs: PackRow[][] = [];
  const numbers = new Map<unknown, number>();
  for (const item of rows) {
    const { row } = item, size = sizeOf(row);
    if (size === 0 || size > LARGEST || row.live || !isFree(row)) continue;
    const shared = ones.map((name) => {
      const { dataId } = row.inputs[name]!;
      if (!numbers.has(dataId)) numbers.set(dataId, numbers.size);
      return numbers.get(dataId);
    });
    const key = [...program.host(row.scalars), ...shared].join();
    let group = groups.get(key);
    const isFull = group && (group.size + size > MOST ||
      group.pack.length >= MOST_ROWS);
    if (!group || isFull) {
      groups.set(key, group = { pack: [], size: 0 });
      packs.push(group.pack);
    }
    group.pack.push(item);
    group.size += size;
  }
  return packs.filter(({ length }) => length > 1);
}

/** The elements of each tensor of a row. */
export function sizeOf({ shape }: Row): number {
  return tf.util.sizeFromShape([...shape]);
}
