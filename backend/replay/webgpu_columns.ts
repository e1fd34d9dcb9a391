/**
 * Which tensors of a program lie in columns: buffers with the tensors of many rows,
 * that one command computes as one.
 *
 * As recorded, such a command has tensors copied into columns before it, and out
 * of them afterwards. A tensor whose place is in the column needs no copy.
 *
 * @module
 */
import { writtenBy } from "../webgpu/machine/pipelines.ts";
import { keptSlots, slotsOf } from "./webgpu_memory.ts";
import type {
  Command,
  Copy,
  Dispatch,
  GpuRecord,
  GpuSlot,
} from "./webgpu_recorded.ts";

/** A part of a column that is the place of a slot. */
export interface Home {
  /** The column. */
  readonly column: GpuSlot;
  /** Bytes before the part. */
  readonly offset: number;
}

/** A program's commands, with slots in columns. */
export interface Columns {
  /** The commands, without the copies that are not needed. */
  readonly commands: readonly Command[];
  /** The slots that lie in a column. */
  readonly homes: ReadonlyMap<GpuSlot, Home>;
  /** The columns with contents from before the commands. */
  readonly lasting: ReadonlySet<GpuSlot>;
}

/**
 * Put slots into the columns that they are copied to or from, where it changes
 * no value.
 *
 * @param record The recording.
 * @param align Bytes of which shaders can see the parts of a buffer at a multiple.
 */
export function columnsOf(record: GpuRecord, align: number): Columns {
  const planner = new Planner(record);
  for (const copy of record.commands) {
    if (copy.kind !== "copy") continue;
    const { from, fromOffset, to, toOffset } = copy;
    if (toOffset % align === 0 && fromOffset === 0) {
      planner.place(from, { column: to, offset: toOffset }, copy.bytes);
    }
    if (fromOffset % align === 0 && toOffset === 0) {
      planner.place(to, { column: from, offset: fromOffset }, copy.bytes);
    }
  }
  const { homes } = planner;
  const commands = record.commands.filter((command) =>
    command.kind === "dispatch" || !isBetween(command, homes)
  );
  const lasting = new Set<GpuSlot>();
  for (const [{ source }, { column }] of homes) {
    if (source.kind !== "temporary") lasting.add(column);
  }
  return { commands, homes, lasting };
}

/** Whether a copy is between a slot and its home. */
function isBetween(
  { from, fromOffset, to, toOffset }: Copy,
  homes: ReadonlyMap<GpuSlot, Home>,
): boolean {
  return isHome(homes.get(from), to, toOffset) ||
    isHome(homes.get(to), from, fromOffset);
}

function isHome(
  home: Home | undefined,
  column: GpuSlot,
  offset: number,
): boolean {
  return home?.column === column && home.offset === offset;
}

/** How the bindings of a command use a buffer. */
interface Use {
  reads: boolean;
  writes: boolean;
}

/** Who of a slot and the part of a column has the contents that count. */
type Newest = "slot" | "column" | "both";

class Planner {
  readonly homes = new Map<GpuSlot, Home>();
  readonly #commands: readonly Command[];
  /** The numbers of the dispatches that use a slot. */
  readonly #dispatches = new Map<GpuSlot, number[]>();
  /** The numbers of the copies from or to a slot. */
  readonly #copies = new Map<GpuSlot, number[]>();
  /** The slots that a slot is copied from or to, by commands or after them. */
  readonly #copiedWith = new Map<GpuSlot, GpuSlot[]>();
  /** The numbers of the copies from or to a part of a column. */
  readonly #copiesOfPart = new Map<string, number[]>();
  /** Of columns: the sizes of the parts that are copied, by offset. */
  readonly #parts = new Map<GpuSlot, Map<number, number>>();
  /** How each dispatch uses columns and what lies in them. */
  readonly #uses = new Map<string, Use>();
  readonly #columns = new Set<GpuSlot>();
  readonly #areApart = new Map<GpuSlot, boolean>();
  readonly #taken = new Set<string>();
  readonly #results: ReadonlySet<GpuSlot>;

  constructor(record: GpuRecord) {
    const { commands, slots, written } = record;
    this.#commands = commands;
    this.#results = keptSlots(record);
    commands.forEach((command, i) => {
      const isCopy = command.kind === "copy";
      const numbers = isCopy ? this.#copies : this.#dispatches;
      for (const slot of new Set(slotsOf(command))) push(numbers, slot, i);
      if (!isCopy) return;
      const { from, fromOffset, to, toOffset, bytes } = command;
      this.#copied(from, to);
      for (
        const [slot, offset] of [[from, fromOffset], [to, toOffset]] as const
      ) {
        push(this.#copiesOfPart, `${slot.id}:${offset}`, i);
        const parts = this.#parts.get(slot) ?? new Map<number, number>();
        this.#parts.set(slot, parts);
        parts.set(offset, Math.max(bytes, parts.get(offset) ?? 0));
      }
    });
    const nextOf = new Map(written);
    for (const slot of slots) {
      if (slot.source.kind !== "held") continue;
      for (const state of slot.source.states) {
        const next = nextOf.get(state);
        if (next) this.#copied(next, slot);
      }
    }
  }

  #copied(from: GpuSlot, to: GpuSlot): void {
    push(this.#copiedWith, from, to);
    push(this.#copiedWith, to, from);
  }

  /**
   * Put `slot`, of so many bytes, at `home` if it changes no value. A buffer with a
   * single part is no column, but constants may be written to it once.
   */
  place(slot: GpuSlot, home: Home, bytes: number): void {
    const { column, offset } = home, part = `${column.id}:${offset}`;
    const isPossible = slot !== column && slot.bytes === bytes &&
      column.source.kind === "temporary" && !this.#results.has(column) &&
      !this.homes.has(slot) && !this.homes.has(column) &&
      !this.#columns.has(slot) && !this.#taken.has(part) &&
      canMove(slot) && this.#isApart(column) &&
      (this.#parts.get(column)!.size > 1 || slot.source.kind === "constant");
    if (!isPossible || !this.#isSame(slot, home)) return;
    const uses = this.#usesWith(slot, home);
    if (!uses) return;
    this.homes.set(slot, home);
    this.#columns.add(column);
    this.#taken.add(part);
    for (const [key, use] of uses) this.#uses.set(key, use);
  }

  /** Whether the parts of a column that are copied do not overlap. */
  #isApart(column: GpuSlot): boolean {
    let isApart = this.#areApart.get(column);
    if (isApart === undefined) {
      const parts = [...this.#parts.get(column)!].sort(([a], [b]) => a - b);
      isApart = parts.every(([offset, bytes], i) =>
        offset + bytes <= (parts[i + 1]?.[0] ?? column.bytes)
      );
      this.#areApart.set(column, isApart);
    }
    return isApart;
  }

  /** Whether a slot and the part of a column never hold different contents that count. */
  #isSame(slot: GpuSlot, home: Home): boolean {
    const { column, offset } = home;
    const numbers = new Set([
      ...this.#dispatches.get(slot) ?? [],
      ...this.#copies.get(slot) ?? [],
      ...this.#dispatches.get(column) ?? [],
      ...this.#copiesOfPart.get(`${column.id}:${offset}`) ?? [],
    ]);
    let newest: Newest = slot.source.kind === "temporary" ? "both" : "slot";
    for (const i of [...numbers].sort((a, b) => a - b)) {
      const command = this.#commands[i]!;
      if (command.kind === "copy") {
        if (
          isHome(home, command.to, command.toOffset) && command.from === slot
        ) {
          if (newest === "column") return false;
          newest = "both";
          continue;
        }
        if (
          isHome(home, command.from, command.fromOffset) && command.to === slot
        ) {
          if (newest === "slot") return false;
          newest = "both";
          continue;
        }
      }
      const ofSlot = useOf(command, slot);
      const ofColumn = useOf(command, column, offset);
      if (ofSlot.reads && newest === "column") return false;
      if (ofColumn.reads && newest === "slot") return false;
      if (ofSlot.writes && ofColumn.writes) return false;
      if (ofSlot.writes) newest = "slot";
      if (ofColumn.writes) newest = "column";
    }
    const { kind } = slot.source;
    const isUsedLater = this.#results.has(slot) ||
      kind === "held" || kind === "constant"; // in the next run at the latest
    return !(isUsedLater && newest === "column");
  }

  /**
   * How the dispatches of a slot would use the column then; undefined if one would
   * both read and write it through different bindings, or a copy be within it.
   */
  #usesWith(slot: GpuSlot, home: Home): Map<string, Use> | undefined {
    const { column } = home, ownHome = new Map([[slot, home]]);
    for (const i of this.#copies.get(slot) ?? []) {
      const copy = this.#commands[i] as Copy;
      const other = copy.from === slot ? copy.to : copy.from;
      if (other === column && !isBetween(copy, ownHome)) return undefined;
    }
    for (const other of this.#copiedWith.get(slot) ?? []) {
      if (this.homes.get(other)?.column === column) return undefined;
    }
    const uses = new Map<string, Use>();
    for (const i of this.#dispatches.get(slot) ?? []) {
      const command = this.#commands[i] as Dispatch;
      const key = `${i}:${column.id}`;
      const whole = bindingsOf(command, column),
        part = bindingsOf(command, slot);
      if (whole.writes || (whole.reads && part.writes)) return undefined;
      const known = this.#uses.get(key);
      const use = {
        reads: whole.reads || part.reads || !!known?.reads,
        writes: part.writes || !!known?.writes,
      };
      if (use.reads && use.writes) return undefined;
      uses.set(key, use);
    }
    return uses;
  }
}

/** Whether the contents of a slot can have another place than a buffer of their own. */
function canMove({ source }: GpuSlot): boolean {
  switch (source.kind) {
    case "temporary":
    case "argument":
      return true;
    case "constant":
      return !source.isWritten;
    case "held":
      return !source.isShared;
    default:
      return false;
  }
}

/** What a command does to a slot, or to a part of it. */
function useOf(command: Command, slot: GpuSlot, offset?: number): Use {
  if (command.kind === "dispatch") {
    const { reads, writes } = bindingsOf(command, slot);
    return { reads: reads || writes, writes };
  }
  const { from, fromOffset, to, toOffset } = command;
  return {
    reads: from === slot && (offset ?? fromOffset) === fromOffset,
    writes: to === slot && (offset ?? toOffset) === toOffset,
  };
}

/** Whether a slot is among those that a shader only reads, and those that it writes. */
function bindingsOf({ pipeline, bindings }: Dispatch, slot: GpuSlot): Use {
  const written = writtenBy(pipeline);
  const use = { reads: false, writes: false };
  for (const { binding, slot: bound } of bindings) {
    if (bound !== slot) continue;
    const isWritten = written?.has(binding) ?? true;
    if (isWritten) use.writes = true;
    else use.reads = true;
  }
  return use;
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const known = lists.get(key);
  if (known) known.push(value);
  else lists.set(key, [value]);
}
