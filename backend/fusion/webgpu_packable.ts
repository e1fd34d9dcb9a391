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
  if (!canPack(kernel, program)) return [];
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
  const align = alignmentOf(backend);
  const numbers = new Map<unknown, number>();
  const numberOf = (x: unknown) => {
    if (!numbers.has(x)) numbers.set(x, numbers.size);
    return numbers.get(x);
  };
  for (const item of rows) {
    const { row } = item, size = roundUp(sizeOf(row), align);
    if (size === 0 || sizeOf(row) > LARGEST || !isFree(row)) continue;
    const shared = ones.map((name) => row.inputs[name]!.dataId);
    // Those that replays change together: see `LiveRow`.
    const { live } = row;
    if (live) shared.push(live.group, live.rate());
    const key = [
      ...program.host(row.scalars),
      live?.step(),
      ...shared.map(numberOf),
    ].join();
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

/** Elements of which rows of a pack begin at a multiple. */
export function alignmentOf({ isRecorded, device }: WebGpuBackend): number {
  return isRecorded ? device.limits.minStorageBufferOffsetAlignment / 4 : 1;
}

/** The next multiple of `align`. */
export function roundUp(n: number, align: number): number {
  return Math.ceil(n / align) * align;
}

/** The elements of each tensor of a row. */
export function sizeOf({ shape }: Row): number {
  return tf.util.sizeFromShape([...shape]);
}
