/**
 * Fuses elementwise operations: those that follow one another on tensors of the same
 * size become one operation, which writes only what others read.
 *
 * @module
 */
import { type Fused, fusedOf, fusedOperation } from "./fused.ts";
import { fusedFunctions } from "./fused_code.ts";
import { countOf, groupsOf } from "./fuse_groups.ts";
import type { Buffer, Operation } from "./recorded.ts";

/**
 * `operations` with those fused that can be.
 *
 * @param operations The operations of a run, in order.
 * @param isKept Whether a buffer is needed after the run.
 */
export function fuse(
  operations: readonly Operation[],
  isKept: (buffer: Buffer) => boolean,
): Operation[] {
  const readers = countOf(operations.map(({ reads }) => reads));
  const groups = groupsOf(operations).flatMap(
    (group): (Operation | Fused)[] => {
      if (!Array.isArray(group)) return [group];
      const fused = fusedOf(group, isKept, readers);
      return fused.results.length > 0 ? [fused] : []; // else nothing needs it
    },
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
