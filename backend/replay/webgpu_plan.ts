/**
 * Decides which commands of a recording each run gives, and in which buffers.
 *
 * @module
 */
import { needed } from "./needed.ts";
import { type Columns, columnsOf } from "./webgpu_columns.ts";
import { fuseOn } from "./webgpu_fuse.ts";
import { effectsOf, keptSlots, slotsOf } from "./webgpu_memory.ts";
import type { Command, GpuRecord, GpuSlot } from "./webgpu_recorded.ts";

/** The commands of the program of a recording on `device`. */
export function planOn(device: GPUDevice, record: GpuRecord): Columns {
  const kept = keptSlots(record);
  const isKept = (slot: GpuSlot) => kept.has(slot);
  const operations = needed(
    withOneOfEach(record.commands).map(effectsOf),
    isKept,
  );
  const commands = fuseOn(device, operations, isKept, record.slots.length);
  const { minStorageBufferOffsetAlignment } = device.limits;
  return columnsOf({ ...record, commands }, minStorageBufferOffsetAlignment);
}

/** Bytes of the largest constants that are compared. */
const SMALL = 64;

/**
 * `commands` with one slot for small constants that are equal, such as the numbers of
 * an expression; but for those that are copied, which get places in columns.
 */
function withOneOfEach(commands: readonly Command[]): Command[] {
  const copied = new Set(
    commands.flatMap((command) =>
      command.kind === "copy" ? slotsOf(command) : []
    ),
  );
  const known = new Map<string, GpuSlot>();
  const firstOf = (slot: GpuSlot): GpuSlot => {
    const { source } = slot;
    const isComparable = source.kind === "constant" && !source.isWritten &&
      slot.bytes <= SMALL && !copied.has(slot);
    if (!isComparable) return slot;
    const key = source.bytes.join();
    const first = known.get(key) ?? slot;
    known.set(key, first);
    return first;
  };
  return commands.map((command) =>
    command.kind === "copy" ? command : {
      ...command,
      bindings: command.bindings.map((binding) => (
        { ...binding, slot: firstOf(binding.slot) }
      )),
    }
  );
}
