/**
 * Which operations are fused.
 *
 * An elementwise operation waits for others of the same size, until an operation comes
 * that needs what it writes or changes what it reads.
 *
 * @module
 */
import { elementFunctions } from "../wasm/kernels/elementwise.ts";
import { type Elementwise, elementwiseOf } from "./elementwise.ts";
import type { Buffer, Operation } from "./recorded.ts";

/** The most operations that become one. */
const MOST_FUSED = 32;

/**
 * How many others may come between the first of them and the last: what they read is
 * kept until then.
 */
const MOST_BETWEEN = 16;

/** How many of `sets` have each buffer. */
export function countOf(
  sets: readonly ReadonlySet<Buffer>[],
): ReadonlyMap<Buffer, number> {
  const counts = new Map<Buffer, number>();
  for (const set of sets) {
    for (const buffer of set) counts.set(buffer, (counts.get(buffer) ?? 0) + 1);
  }
  return counts;
}

/** Operations that wait for others to be fused with. */
class Group {
  readonly members: Elementwise[] = [];
  readonly reads = new Set<Buffer>();
  readonly writes = new Set<Buffer>();
  /** The rows and columns, once an operand goes by rows or columns. */
  #shape: Elementwise;
  /** How many operations came after the first of them, and are not among them. */
  between = 0;

  constructor(first: Elementwise) {
    this.#shape = first;
    this.add(first);
  }

  /** Whether `next` can be computed in the same pass. */
  takes({ rows, columns, operands }: Elementwise): boolean {
    const shape = this.#shape;
    if (this.members.length === MOST_FUSED) return false;
    if (rows * columns !== shape.rows * shape.columns) return false;
    if (rows > 1 && shape.rows > 1 && rows !== shape.rows) return false;
    return operands.every(({ buffer, access }) =>
      access === "each" || !this.writes.has(buffer)
    );
  }

  add(next: Elementwise): void {
    const { reads } = next.operation;
    this.members.push(next);
    if (next.rows > 1) this.#shape = next;
    for (const buffer of reads) this.reads.add(buffer);
    this.writes.add(next.result);
  }

  /** Whether `operation` must not be done before them. */
  mustPrecede({ reads, writes, isLive }: Operation): boolean {
    return isLive || !reads.isDisjointFrom(this.writes) ||
      !writes.isDisjointFrom(this.reads) || !writes.isDisjointFrom(this.writes);
  }

  /** Those that have to do with each other, in their order. */
  parts(): Elementwise[][] {
    let parts: { members: Elementwise[]; buffers: Set<Buffer> }[] = [];
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
 */
export function groupsOf(
  operations: readonly Operation[],
): (Operation | Elementwise[])[] {
  const functions = elementFunctions();
  const writers = countOf(operations.map(({ writes }) => writes));
  const done: (Operation | Elementwise[])[] = [];
  const finish = (group: Group) => {
    for (const part of group.parts()) {
      done.push(part.length > 1 ? part : part[0]!.operation);
    }
  };
  let waiting: Group[] = [];
  for (const operation of operations) {
    const elements = elementwiseOf(operation, functions);
    const canWait = elements && !operation.isLive &&
      elements.result.source.kind === "temporary" &&
      writers.get(elements.result) === 1;
    const home = canWait && waiting.find((group) => group.takes(elements));
    waiting = waiting.filter((group) => {
      const waits = group === home ||
        ++group.between <= MOST_BETWEEN && !group.mustPrecede(operation);
      if (!waits) finish(group);
      return waits;
    });
    if (!canWait) done.push(operation);
    else if (home) home.add(elements);
    else waiting.push(new Group(elements));
  }
  waiting.forEach(finish);
  return done;
}
