/**
 * One operation made of several elementwise ones.
 *
 * @module
 */
import { split } from "../wasm/machine/functions.ts";
import type { Elementwise, Operand } from "./elementwise.ts";
import type { Recipe, Ref } from "./fused_code.ts";
import { fusedName, resultsOf } from "./fuse_groups.ts";
import type { Buffer, Operation } from "./recorded.ts";

/** Several operations, and what is left of their operands and results. */
export interface Fused {
  /** The operations. */
  readonly members: readonly Elementwise[];
  readonly recipe: Recipe;
  readonly operands: readonly Operand[];
  readonly results: readonly Buffer[];
  readonly rows: number;
  readonly columns: number;
}

/**
 * What `members` compute together.
 *
 * @param members Operations on the same elements, in order.
 * @param isKept Whether a buffer is needed after the run.
 * @param readers How many operations of the run read a buffer.
 */
export function fusedOf(
  members: readonly Elementwise[],
  isKept: (buffer: Buffer) => boolean,
  readers: ReadonlyMap<Buffer, number>,
): Fused {
  const operands: Operand[] = [], steps: Recipe["steps"][number][] = [];
  const places = new Map<Buffer, Ref>();
  for (const { formula, numbers, result, ...member } of members) {
    const args = member.operands.map((operand): Ref => {
      const known = places.get(operand.buffer);
      if (known && "step" in known) return known;
      const index = operands.findIndex(({ buffer, access }) =>
        buffer === operand.buffer && access === operand.access
      );
      if (index >= 0) return { operand: index };
      return { operand: operands.push(operand) - 1 };
    });
    places.set(result, { step: steps.push({ formula, args, numbers }) - 1 });
  }
  const results = resultsOf(members, isKept, readers);
  // Flat operations fit any rows.
  const shaped = members.find(({ rows }) => rows > 1);
  return {
    members,
    recipe: { operands, steps, results },
    operands,
    results: results.map((i) => members[i]!.result),
    rows: shaped?.rows ?? 1,
    columns: shaped?.columns ?? members[0]!.rows * members[0]!.columns,
  };
}

/**
 * Nanoseconds for four elements, about: most of the cost of a simple operation is to
 * read its operands and to write its result.
 */
function costOf({ operands, steps, results }: Recipe): number {
  const moved = results.length +
    operands.filter(({ access }) => access === "each").length;
  const beyond = steps.reduce((sum, { formula }) => sum + formula.cost - 1, 0);
  return moved / 3 + steps.length / 4 + beyond;
}

/** The operation, which is done by the function of that number. */
export function fusedOperation(
  { members, recipe, operands, results, rows, columns }: Fused,
  fn: number,
): Operation {
  const buffers = [...operands.map(({ buffer }) => buffer), ...results];
  const table: Buffer = {
    id: -1, // made for the program, not recorded
    bytes: 4 * buffers.length,
    source: {
      kind: "table",
      bytes: new Uint8Array(4 * buffers.length),
      pointers: buffers.map((buffer, i) => [4 * i, buffer] as const),
    },
  };
  const at = { buffer: table, offset: 0 };
  const work = costOf(recipe) * rows * columns / 4;
  const parts = rows > 1
    ? split(
      rows,
      work,
      (first, end) => [at, columns * first, first, end - first, 4 * columns],
      1,
    )
    : split(
      columns,
      work,
      (first, end) => [at, first, 0, 1, 4 * (end - first)],
      4,
    );
  return {
    name: fusedName(members.map(({ operation }) => operation.name)),
    reads: new Set([table, ...operands.map(({ buffer }) => buffer)]),
    writes: new Set(results),
    body: [{ kind: "call", fn, parts }],
    isLive: false,
  };
}
