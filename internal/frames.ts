/**
 * Frames: records of what a function read from states and wrote to them, so that its
 * writes can be kept or undone. Internal.
 *
 * @module
 */

/** A state; its value is accessed by `frames.peek` and `frames.poke`. */
export type Recorded = object;

/** The reads and writes of one call, in states that existed before it. */
export class Frame {
  /** The number of the frame, in the order in which they begin. */
  readonly serial: number;
  /** The states read. */
  readonly reads: Set<Recorded> = new Set();
  /** The states written. */
  readonly writes: Set<Recorded> = new Set();
  /** The value that each state, read or written, had when the frame began. */
  readonly originals: Map<Recorded, unknown> = new Map();

  /** Tensors that must not be freed before the frame ends. */
  readonly pinned: Set<unknown> = new Set();

  /** Whether compiled functions may be replayed while the frame is open. */
  readonly allowsReplays: boolean;

  /** Begins a frame with a number. */
  constructor(serial: number, allowsReplays: boolean) {
    this.serial = serial;
    this.allowsReplays = allowsReplays;
  }

  /** Records that `state`, which holds `value`, was read. */
  noteRead(state: Recorded, value: unknown): void {
    if (!this.originals.has(state)) this.originals.set(state, value);
    this.reads.add(state);
  }

  /** Records that `state`, which holds `old`, is about to be written. */
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

/** The open frames, and access to the values of states. */
export const frames: {
  /** The number of the frame that began last. */
  latest: number;
  /** Collects every state that is read, besides the frames. */
  observer: Set<Recorded> | undefined;
  /** Begins a frame; those of gradients must see all operations, and allow no replay. */
  push(allowsReplays?: boolean): Frame;
  /** Ends the innermost frame. */
  pop(): void;
  /** The open frames, outermost first. */
  readonly open: readonly Frame[];
  /** The open frames that began after number `born`. */
  since(born: number): readonly Frame[];
  /** Notes that the tensor of `state` is about to be overwritten; frames keep its `copy`. */
  overwrite(state: Recorded, copy: () => unknown): void;
  /** The value of `state`; not recorded as a read. */
  peek(state: Recorded): unknown;
  /** Sets the value of `state`, without a record and without cloning it. */
  poke(state: Recorded, value: unknown): void;
  /** Sets whether `state` counts as disposed; its value stays as it is. */
  setDisposed(state: Recorded, isDisposed: boolean): void;
} = {
  latest: 0,
  observer: undefined,
  push(allowsReplays = false) {
    const frame = new Frame(++frames.latest, allowsReplays);
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
  overwrite(state, copy) {
    const current = frames.peek(state);
    let kept: unknown;
    for (const frame of stack) {
      frame.noteWrite(state, current);
      if (frame.originals.get(state) === current) {
        frame.originals.set(state, kept ??= copy());
      }
    }
  },
  // Set by state.ts, since they are about private fields.
  peek: unset,
  poke: unset,
  setDisposed: unset,
};

function unset(): never {
  throw new Error("Cannot access a state: state.ts is not loaded");
}
