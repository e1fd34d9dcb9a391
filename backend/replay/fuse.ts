/**
 * Fuses elementwise operations: those that follow one another on tensors of the same
 * size become one operation, which writes only what others read.
 *
 * @module
 */
import { elementFunctions } from "../wasm/kernels/elementwise.ts";
import { type Elementwise, elementwiseOf } from "./elementwise.ts";
import { fusedOf, fusedOperation } from "./fused.ts";
import { fusedFunctions } from "./fused_code.ts";
import { countOf, groupsOf } from "./fuse_groups.ts";
import type { Buffer, Operation } from "./recorded.ts";

/**
 * `operations` with those fused that can be.
 *
 * @param operations The operations of a run, in order, each of which is needed.
 * @param isKept Whether a buffer is needed after the run.
 */
export function fuse(
  operations: readonly Operation[],
  isKept: (buffer: Buffer) => boolean,
): Operation[] {
  const known = elementFunctions();
  const readers = countOf(operations.map(({ reads }) => reads));
  const groups = groupsOf<Buffer, Operation, Elementwise>(
    operations,
    (operation) => elementwiseOf(operation, known),
    fits,
  ).map((group) =>
    Array.isArray(group) ? fusedOf(group, isKept, readers) : group
  );
  const functions = fusedFunctions(
    groups.flatMap((group) => "recipe" in group ? [group.recipe] : []),
  );
  return groups.flatMap((group) => {
    if (!("recipe" in group)) return [group];
    const fn = functions.shift();
    if (fn === undefined) {
      return group.members.map(({ operation }) => operation);
    }
    return [fusedOperation(group, fn)];
  });
}

/** Whether they have the same elements, in the same rows if they go by rows. */
function fits(members: readonly Elementwise[], next: Elementwise): boolean {
  const { rows, columns } = members.find(({ rows }) => rows > 1) ?? members[0]!;
  if (next.rows * next.columns !== rows * columns) return false;
  return next.rows === 1 || rows === 1 || next.rows === rows;
}
