/**
 * Decides which commands of a recording each run gives, and in which buffers.
 *
 * @module
 */
import { needed } from "./needed.ts";
import { type Columns, columnsOf } from "./webgpu_columns.ts";
import { effectsOf, keptSlots } from "./webgpu_memory.ts";
import type { GpuRecord } from "./webgpu_recorded.ts";

/** The commands of the program of a recording on `device`. */
export function planOn(device: GPUDevice, record: GpuRecord): Columns {
  const kept = keptSlots(record);
  const operations = needed(
    record.commands.map(effectsOf),
    (slot) => kept.has(slot),
  );
  const commands = operations.map(({ command }) => command);
  const { minStorageBufferOffsetAlignment } = device.limits;
  return columnsOf({ ...record, commands }, minStorageBufferOffsetAlignment);
}
