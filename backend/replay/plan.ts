/**
 * Decides what of a recording is done in each run, and where its buffers are.
 *
 * @module
 */
import { aligned, arrange } from "./arena.ts";
import { fuse } from "./fuse.ts";
import { withoutCopies } from "./copies.ts";
import { needed } from "./needed.ts";
import { packFactors } from "./packed_factors.ts";
import type { Buffer, CallRecord, Operation } from "./recorded.ts";

/** What to do, and where. */
export interface Plan {
  /** Done once, when the program is built. */
  readonly constant: readonly Operation[];
  /** Done in each run. */
  readonly operations: readonly Operation[];
  /** The places of buffers in the memory of the program. */
  readonly places: ReadonlyMap<Buffer, number>;
  /** The size of that memory. */
  readonly bytes: number;
}

/** Plan the program of a recording. */
export function plan(record: CallRecord): Plan {
  const [constant, rest] = split(record.operations);
  const kept = new Set([
    ...record.outputs.map(({ buffer }) => buffer),
    ...record.written.map(([, buffer]) => buffer),
  ]);
  const isKept = (buffer: Buffer) => kept.has(buffer);
  const { operations, inside } = withoutCopies(
    packFactors(fuse(needed(rest, isKept), isKept)),
    isKept,
  );
  const wholesOf = (buffers: ReadonlySet<Buffer>) =>
    new Set([...buffers].map((buffer) => inside.get(buffer)?.whole ?? buffer));
  const places = new Map<Buffer, number>();
  let bytes = 0;
  const reserve = (buffer: Buffer) => {
    if (buffer.source.kind === "held" || places.has(buffer)) return;
    places.set(buffer, bytes);
    bytes += aligned(buffer.bytes);
  };
  // What outlives a run, or is there before it, has a place of its own.
  for (const { writes } of constant) writes.forEach(reserve);
  for (const { reads } of [...constant, ...operations]) {
    for (const buffer of wholesOf(reads)) reserveUnlessTemporary(buffer);
  }
  kept.forEach(reserve);

  function reserveUnlessTemporary(buffer: Buffer) {
    const { source } = buffer;
    if (source.kind !== "temporary") reserve(buffer);
    if (source.kind !== "table") return;
    for (const [, target] of source.pointers) {
      if (target.source.kind !== "temporary") reserve(target);
    }
  }

  const arena = arrange(
    operations.map(({ reads, writes }) => ({
      reads: wholesOf(reads),
      writes: wholesOf(writes),
    })),
    (buffer) => buffer.source.kind !== "held" && !places.has(buffer),
  );
  for (const [buffer, at] of arena.places) places.set(buffer, bytes + at);
  for (const [buffer, { whole, at }] of inside) {
    const place = places.get(whole);
    if (place !== undefined) places.set(buffer, place + at);
  }
  return { constant, operations, places, bytes: bytes + arena.bytes };
}

/** What depends on constants only, and the rest. */
function split(
  operations: readonly Operation[],
): [constant: Operation[], rest: Operation[]] {
  const constant: Operation[] = [], rest: Operation[] = [];
  const known = new Set<Buffer>();
  const rewritten = writtenTwice(operations);
  const isConstant = (buffer: Buffer) =>
    known.has(buffer) || buffer.source.kind === "constant" ||
    buffer.source.kind === "held" && buffer.source.isConstant;
  for (const operation of operations) {
    const { reads, writes, isLive } = operation;
    const isFixed = !isLive && [...reads].every(isConstant) &&
      writes.isDisjointFrom(rewritten);
    if (isFixed) writes.forEach((buffer) => known.add(buffer));
    (isFixed ? constant : rest).push(operation);
  }
  return [constant, rest];
}

/** Buffers that more than one operation writes. */
function writtenTwice(operations: readonly Operation[]): Set<Buffer> {
  const once = new Set<Buffer>(), twice = new Set<Buffer>();
  for (const { writes } of operations) {
    for (const buffer of writes) (once.has(buffer) ? twice : once).add(buffer);
  }
  return twice;
}
