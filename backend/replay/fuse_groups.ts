/**
 * Which operations are fused: the same on WASM and on WebGPU.
 *
 * An elementwise operation waits for others of the same size, until an operation comes
 * that needs what it writes or changes what it reads.
 *
 * @module
 */
import type { Effects, Stored } from "./needed.ts";

/** An operation that computes each element of its result from one of each operand. */
export interface OnElements<B extends Stored, O extends Effects<B>> {
  readonly operation: O;
  readonly operands: readonly {
    readonly buffer: B;
    /** "each" if an element of the result needs the element at the same place. */
    readonly access: unknown;
  }[];
  /** What it writes. */
  readonly result: B;
}

/** The most operations that become one. */
const MOST_FUSED = 32;

/**
 * How many others may come between the first of them and the last: what they read is
 * kept until then.
 */
const MOST_BETWEEN = 16;

/** The most kernels that a name lists. */
const MOST_NAMES = 3;

/** `fused (Multiply, Add, ...)` */
export function fusedName(kernels: readonly string[]): string {
  const names = [...new Set(kernels)];
  const rest = names.length > MOST_NAMES ? ["..."] : [];
  return `fused (${[...names.slice(0, MOST_NAMES), ...rest].join(", ")})`;
}

/** How many of `sets` have each buffer. */
export function countOf<B>(
  sets: readonly ReadonlySet<B>[],
): ReadonlyMap<B, number> {
  const counts = new Map<B, number>();
  for (const set of sets) {
    for (const buffer of set) counts.set(buffer, (counts.get(buffer) ?? 0) + 1);
  }
  return counts;
}

/**
 * The numbers of the members whose results are read by other operations or after the run.
 *
 * @param members Operations that become one.
 * @param isKept Whether a buffer is needed after the run.
 * @param readers How many operations of the run read a buffer.
 */
export function resultsOf<B extends Stored, O extends Effects<B>>(
  members: readonly OnElements<B, O>[],
  isKept: (buffer: B) => boolean,
  readers: ReadonlyMap<B, number>,
): number[] {
  return members.flatMap(({ result }, i) => {
    const inside = members.filter(({ operation }) =>
      operation.reads.has(result)
    );
    const isRead = isKept(result) ||
      (readers.get(result) ?? 0) > inside.length;
    return isRead ? [i] : [];
  });
}

/** Operations that wait for others to be fused with. */
class Group<
  B extends Stored,
  O extends Effects<B>,
  E extends OnElements<B, O>,
> {
  readonly members: E[] = [];
  readonly #reads = new Set<B>();
  readonly #writes = new Set<B>();
  /** How many operations came after the first of them, and are not among them. */
  between = 0;

  /** Whether `next` can be computed in the same pass, as far as memory goes. */
  takes({ operands }: E): boolean {
    return this.members.length < MOST_FUSED &&
      operands.every(({ buffer, access }) =>
        access === "each" || !this.#writes.has(buffer)
      );
  }

  add(next: E): void {
    this.members.push(next);
    for (const buffer of next.operation.reads) this.#reads.add(buffer);
    this.#writes.add(next.result);
  }

  /** Whether `operation` must not be done before them. */
  mustPrecede({ reads, writes, isLive }: O): boolean {
    return isLive || !reads.isDisjointFrom(this.#writes) ||
      !writes.isDisjointFrom(this.#reads) ||
      !writes.isDisjointFrom(this.#writes);
  }

  /** Those that have to do with each other, in their order. */
  parts(): E[][] {
    let parts: { members: E[]; buffers: Set<B> }[] = [];
    for (const member of this.members) {
      const buffers = new Set([
        member.result,
        ...member.operands.filter(({ access }) => access === "each")
          .map(({ buffer }) => buffer),
      ]);
      const related = parts.filter((part) =>
        !part.buffers.isDisjointFrom(buffers)
      );
      parts = parts.filter((part) => !related.includes(part));
      parts.push(related.reduce((all, part) => ({
        members: [...part.members, ...all.members],
        buffers: all.buffers.union(part.buffers),
      }), { members: [member], buffers }));
    }
    return parts.map(({ members }) =>
      this.members.filter((member) => members.includes(member))
    );
  }
}

/**
 * `operations` in an order in which those to be fused follow one another: they are an
 * array, the others stand by themselves.
 *
 * @param operations The operations of a run, in order, each of which is needed.
 * @param elementsOf What an operation does on elements, if it does nothing else.
 * @param fits Whether one more can be computed in the same pass as others.
 */
export function groupsOf<
  B extends Stored,
  O extends Effects<B>,
  E extends OnElements<B, O>,
>(
  operations: readonly (O & Effects<B>)[],
  elementsOf: (operation: O) => (E & OnElements<B, O>) | undefined,
  fits: (members: readonly E[], next: E) => boolean,
): (O | E[])[] {
  const writers = countOf(operations.map(({ writes }) => writes));
  const done: (O | E[])[] = [];
  const finish = (group: Group<B, O, E>) => {
    for (const part of group.parts()) {
      done.push(part.length > 1 ? part : part[0]!.operation);
    }
  };
  let waiting: Group<B, O, E>[] = [];
  for (const operation of operations) {
    const elements = elementsOf(operation);
    const canWait = elements && !operation.isLive &&
      elements.result.source.kind === "temporary" &&
      writers.get(elements.result) === 1;
    const home = canWait &&
      waiting.find((group) =>
        group.takes(elements) && fits(group.members, elements)
      );
    waiting = waiting.filter((group) => {
      const waits = group === home ||
        ++group.between <= MOST_BETWEEN && !group.mustPrecede(operation);
      if (!waits) finish(group);
      return waits;
    });
    if (!canWait) done.push(operation);
    else if (home) home.add(elements);
    else {
      const group = new Group<B, O, E>();
      group.add(elements);
      waiting.push(group);
    }
  }
  waiting.forEach(finish);
  return done;
}
