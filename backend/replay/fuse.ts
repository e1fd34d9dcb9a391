/**
 * Fuses elementwise operations: those that follow one another on tensors of the same
 * size become one operation, which writes only what others read.
 *
 * @module
 */
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
  const readers = countOf(operations.map(({ reads }) => reads));
  const groups = groupsOf(operations).map((group) =>
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
