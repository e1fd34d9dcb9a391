/**
 * Trace frames: what a differentiated function read from states and wrote to
 * them, so that its writes can be kept or taken back. Internal.
 *
 * @module
 */

/** What a frame records: a state, seen from here as an opaque identity. */
export type Recorded = object;

/** What one call of a function did to the states that existed before it. */
export class Frame {
  /** Frames are numbered in the order they begin. */
  readonly serial: number;
  /** The states read. */
  readonly reads: Set<Recorded> = new Set();
  /** The states written. */
  readonly writes: Set<Recorded> = new Set();
  /** What each touched state held when the frame began. */
  readonly originals: Map<Recorded, unknown> = new Map();

  /** Tensors that must outlive the frame, whatever is written. */
  readonly pinned: Set<unknown> = new Set();

  /** Begin a frame with this number. */
  constructor(serial: number) {
    this.serial = serial;
  }

  /** Note that `state`, which holds `value`, was read. */
  noteRead(state: Recorded, value: unknown): void {
    if (!this.originals.has(state)) this.originals.set(state, value);
    this.reads.add(state);
  }

  /** Note that `state`, which held `old`, is about to be written. */
  noteWrite(state: Recorded, old: unknown): void {
    if (!this.originals.has(state)) this.originals.set(state, old);
    this.writes.add(state);
  }

  /** Whether `value` is pinned, or a rollback would need it. */
  holds(value: unknown): boolean {
    if (this.pinned.has(value)) return true;
    for (const original of this.originals.values()) {
      if (original === value) return true;
    }
    return false;
  }
}

const stack: Frame[] = [];
const NONE: readonly Frame[] = [];

/** The frames that are open now, and the way into a state's box. */
export const frames: {
  /** The number of the frame begun last. */
  latest: number;
  /** Where every read is noted, besides in frames; for checks. */
  observer: Set<Recorded> | undefined;
  /** Begin a frame. */
  push(): Frame;
  /** End the innermost frame. */
  pop(): void;
  /** The open frames, outermost first. */
  readonly open: readonly Frame[];
  /** The open frames begun after number `born`. */
  since(born: number): readonly Frame[];
  /** What `state` holds, unrecorded. */
  peek(state: Recorded): unknown;
  /** Put `value` in `state`, unrecorded and unowned. */
  poke(state: Recorded, value: unknown): void;
} = {
  latest: 0,
  observer: undefined,
  push() {
    const frame = new Frame(++frames.latest);
    stack.push(frame);
    return frame;
  },
  pop() {
    stack.pop();
  },
  get open() {
    return stack;
  },
  since(born) {
    return stack.length === 0
      ? NONE
      : stack.filter((frame) => frame.serial > born);
  },
  // Set by state.ts, the only file that sees inside a state.
  peek: unset,
  poke: unset,
};

function unset(): never {
  throw new Error("Cannot look into a state: state.ts is not loaded");
}
