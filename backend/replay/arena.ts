/**
 * Memory for buffers that live at different times.
 *
 * @module
 */
import type { Buffer, Operation } from "./recorded.ts";

/** The first and the last operation that use a buffer. */
type Life = readonly [first: number, last: number];

/** Where buffers are, and how much memory they need. */
export interface Arrangement {
  /** Bytes from the beginning of the memory. */
  readonly places: ReadonlyMap<Buffer, number>;
  /** The size of the memory. */
  readonly bytes: number;
}

/** Buffers begin at lines of the cache. */
export function aligned(bytes: number): number {
  return (bytes + 63) & ~63;
}

/** Placing the largest first compares all with all, which takes long for more. */
const MANY = 4000;

/** Places for the buffers of `operations` that `isWanted`: no two that live at the same time overlap. */
export function arrange(
  operations: readonly Pick<Operation, "reads" | "writes">[],
  isWanted: (buffer: Buffer) => boolean,
): Arrangement {
  const lives = new Map<Buffer, Life>();
  operations.forEach(({ reads, writes }, i) => {
    for (const buffers of [reads, writes]) {
      for (const buffer of buffers) {
        if (!isWanted(buffer)) continue;
        lives.set(buffer, [lives.get(buffer)?.[0] ?? i, i]);
      }
    }
  });
  return lives.size > MANY ? byTime(lives) : bySize(lives);
}

/** The largest first, each at the lowest place that is free for all of its life. */
function bySize(lives: ReadonlyMap<Buffer, Life>): Arrangement {
  const places = new Map<Buffer, number>();
  /** In the order of their places. */
  const placed: { at: number; end: number; life: Life }[] = [];
  let bytes = 0;
  const largestFirst = [...lives].sort(([a], [b]) => b.bytes - a.bytes);
  for (const [buffer, life] of largestFirst) {
    const size = aligned(buffer.bytes);
    let at = 0;
    for (const other of placed) {
      if (other.life[1] < life[0] || other.life[0] > life[1]) continue;
      if (other.at - at >= size) break;
      at = Math.max(at, other.end);
    }
    const index = placed.findIndex((other) => other.at > at);
    const entry = { at, end: at + size, life };
    placed.splice(index < 0 ? placed.length : index, 0, entry);
    places.set(buffer, at);
    bytes = Math.max(bytes, at + size);
  }
  return { places, bytes };
}

/** Free memory. */
interface Gap {
  at: number;
  size: number;
}

/** In the order of their first use, each in the smallest gap that has room. */
function byTime(lives: ReadonlyMap<Buffer, Life>): Arrangement {
  const places = new Map<Buffer, number>();
  /** What becomes free after each operation. */
  const ends: Gap[][] = [];
  let gaps: Gap[] = [];
  let bytes = 0, time = 0;
  for (const [buffer, [first, last]] of lives) {
    for (; time < first; time++) {
      for (const gap of ends[time] ?? []) gaps = withGap(gaps, gap);
    }
    const size = aligned(buffer.bytes);
    let best: Gap | undefined;
    for (const gap of gaps) {
      if (gap.size >= size && (!best || gap.size < best.size)) best = gap;
    }
    const tail = gaps.at(-1);
    // The gap at the end of the memory can grow with it.
    if (!best && tail && tail.at + tail.size === bytes) best = tail;
    const at = best ? best.at : bytes;
    if (best) {
      best.at += size;
      best.size = Math.max(0, best.size - size);
      gaps = gaps.filter((gap) => gap.size > 0);
    }
    places.set(buffer, at);
    bytes = Math.max(bytes, at + size);
    (ends[last] ??= []).push({ at, size });
  }
  return { places, bytes };
}

/** `gaps` with one more, joined with its neighbours. */
function withGap(gaps: readonly Gap[], { at, size }: Gap): Gap[] {
  const joined: Gap[] = [];
  const next = gaps.findIndex((gap) => gap.at > at);
  const index = next < 0 ? gaps.length : next;
  for (const gap of gaps.toSpliced(index, 0, { at, size })) {
    const last = joined.at(-1);
    if (last && last.at + last.size === gap.at) last.size += gap.size;
    else joined.push(gap);
  }
  return joined;
}
