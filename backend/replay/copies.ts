/**
 * Copies that need not be made, since what is copied can lie inside the copy from the
 * beginning, or the copy inside what is copied: those of stacking, joining and taking
 * apart along the first axis, and those that put together again what lies together.
 *
 * @module
 */
import { straightBytes } from "../wasm/kernels/moves.ts";
import { countOf } from "./fuse_groups.ts";
import type { Buffer, Call, HostWork, Operation, Pointer } from "./recorded.ts";

/** Where a buffer lies inside another, in bytes. */
export interface Inside {
  readonly whole: Buffer;
  readonly at: number;
}

/** What is left to do, and which buffers lie inside others. */
export interface Copyless {
  readonly operations: readonly Operation[];
  readonly inside: ReadonlyMap<Buffer, Inside>;
}

/** Vectors are read quickest at multiples of their size. */
const ALIGNMENT = 16;

/**
 * `operations` without the copies that need not be made.
 *
 * @param operations The operations of a run, in order.
 * @param isKept Whether a buffer is needed after the run.
 */
export function withoutCopies(
  operations: readonly Operation[],
  isKept: (buffer: Buffer) => boolean,
): Copyless {
  const writers = countOf(operations.map(({ writes }) => writes));
  const inside = new Map<Buffer, Inside>();
  /** Whether a buffer's place is not decided, and only one operation writes it. */
  const isFree = (buffer: Buffer) =>
    buffer.source.kind === "temporary" && writers.get(buffer) === 1 &&
    !isKept(buffer) && !inside.has(buffer);
  /** Whether nothing changes a buffer once it is written. */
  const isFinal = ({ source }: Buffer, count: number) =>
    source.kind === "temporary"
      ? count === 1
      : source.kind === "argument" && count === 0;
  const placed = (copy: Copy): [Buffer, Inside] | undefined => {
    const { from, to, bytes } = copy;
    const isWhole = (x: Pointer) => x.offset === 0 && x.buffer.bytes === bytes;
    const fits = (part: Pointer, whole: Pointer) =>
      isWhole(part) && isFree(part.buffer) &&
      isFinal(whole.buffer, writers.get(whole.buffer) ?? 0) &&
      whole.offset % ALIGNMENT === 0 &&
      wholeOf(whole.buffer, inside).whole !== part.buffer;
    if (fits(from, to)) {
      return [from.buffer, { whole: to.buffer, at: to.offset }];
    }
    if (fits(to, from)) {
      return [to.buffer, { whole: from.buffer, at: from.offset }];
    }
    return undefined;
  };
  const placeOf = ({ buffer, offset }: Pointer): Inside => {
    const { whole, at } = wholeOf(buffer, inside);
    return { whole, at: at + offset };
  };
  /** Where all that is copied into a buffer lies, in the same order. */
  const together = (copies: readonly Copy[]): Inside | undefined => {
    const [{ from, to: { buffer } }] = copies as [Copy];
    const { whole, at } = placeOf(from);
    let bytes = 0;
    for (const copy of copies) {
      const place = placeOf(copy.from), { to } = copy;
      const isNext = to.buffer === buffer && to.offset === bytes &&
        place.whole === whole && place.at === at + bytes;
      if (!isNext) return undefined;
      bytes += copy.bytes;
    }
    const fits = bytes === buffer.bytes && isFree(buffer) &&
      isFinal(whole, writers.get(whole) ?? 0) && at % ALIGNMENT === 0;
    return fits ? { whole, at } : undefined;
  };
  const left = operations.flatMap((operation) => {
    const copies = operation.body.map(copyOf);
    // What also clears, say, would clear what lies inside.
    if (operation.isLive || copies.includes(undefined)) return [operation];
    const place = copies.length > 0 && together(copies as Copy[]);
    if (place) {
      inside.set((copies[0] as Copy).to.buffer, place);
      return [];
    }
    const body = operation.body.filter((_, i) => {
      const place = placed(copies[i]!);
      if (place) inside.set(...place);
      return !place;
    });
    return body.length > 0 ? [{ ...operation, body }] : [];
  });
  return {
    operations: left,
    inside: new Map(
      [...inside.keys()].map((buffer) => [buffer, wholeOf(buffer, inside)]),
    ),
  };
}

/** A copy of bytes as they lie. */
interface Copy {
  readonly from: Pointer;
  readonly to: Pointer;
  readonly bytes: number;
}

function copyOf(work: Call | HostWork): Copy | undefined {
  if (work.kind === "host") return undefined;
  let whole: Copy | undefined;
  for (const [from, to, ...numbers] of work.parts) {
    if (typeof from !== "object" || typeof to !== "object") return undefined;
    const bytes = straightBytes(work.fn, numbers);
    if (bytes === undefined) return undefined;
    whole ??= { from, to, bytes: 0 };
    // Threads share a long copy: its parts follow each other.
    const { bytes: before } = whole;
    const follows = (x: Pointer, first: Pointer) =>
      x.buffer === first.buffer && x.offset === first.offset + before;
    if (!follows(from, whole.from) || !follows(to, whole.to)) return undefined;
    whole = { ...whole, bytes: before + bytes };
  }
  return whole;
}

/** The outermost buffer that a buffer lies inside of, or itself. */
function wholeOf(
  buffer: Buffer,
  inside: ReadonlyMap<Buffer, Inside>,
): Inside {
  let whole = buffer, at = 0;
  for (let next; (next = inside.get(whole)); whole = next.whole) at += next.at;
  return { whole, at };
}
