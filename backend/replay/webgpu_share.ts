/**
 * Buffers that temporaries share.
 *
 * @module
 */
import type { Columns } from "./webgpu_columns.ts";
import { slotsOf } from "./webgpu_memory.ts";
import type { GpuSlot } from "./webgpu_recorded.ts";

/**
 * Places temporaries whose lives do not meet in the same buffer. A shader must not
 * read and write one buffer, so they have buffers of their own rather than parts of
 * a large one.
 *
 * @param columns The commands of a program, in order; what lies in a column has its
 * place, and columns that last have no part in it.
 * @param results Slots that are used after the last command.
 * @returns The number of the buffer of each temporary, and the sizes of the buffers.
 */
export function shareBuffers(
  { commands, homes, lasting }: Columns,
  results: ReadonlySet<GpuSlot>,
): { numbers: ReadonlyMap<GpuSlot, number>; sizes: readonly number[] } {
  const usedBy = commands.map((command) =>
    new Set(slotsOf(command).map((slot) => homes.get(slot)?.column ?? slot))
  );
  const ends = new Map<GpuSlot, number>();
  const use = (slot: GpuSlot, i: number) => {
    const isShared = slot.source.kind === "temporary" && !lasting.has(slot);
    if (isShared) ends.set(slot, i);
  };
  usedBy.forEach((used, i) => {
    for (const slot of used) use(slot, i);
  });
  for (const slot of results) use(homes.get(slot)?.column ?? slot, Infinity);
  const sizes: number[] = [];
  const numbers = new Map<GpuSlot, number>();
  const free: number[] = [];
  usedBy.forEach((used, i) => {
    for (const slot of used) {
      if (ends.has(slot) && !numbers.has(slot)) {
        numbers.set(slot, take(slot.bytes));
      }
    }
    for (const slot of used) {
      if (ends.get(slot) === i) free.push(numbers.get(slot)!);
    }
  });
  for (const slot of ends.keys()) {
    if (!numbers.has(slot)) numbers.set(slot, sizes.push(slot.bytes) - 1);
  }
  return { numbers, sizes };

  /** The smallest free buffer that is at most twice as large, or a new one. */
  function take(bytes: number): number {
    let best = -1;
    free.forEach((number, i) => {
      const size = sizes[number]!;
      const isBetter = best < 0 || size < sizes[free[best]!]!;
      if (size >= bytes && size <= 2 * bytes && isBetter) best = i;
    });
    if (best < 0) return sizes.push(bytes) - 1;
    return free.splice(best, 1)[0]!;
  }
}
