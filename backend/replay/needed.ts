/**
 * Which operations of a recording are needed.
 *
 * @module
 */
import type { Buffer, Operation } from "./recorded.ts";

/**
 * `operations` without those whose results nobody reads.
 *
 * @param operations The operations of a run, in order.
 * @param isKept Whether a buffer is needed after the run.
 */
export function needed(
  operations: readonly Operation[],
  isKept: (buffer: Buffer) => boolean,
): Operation[] {
  const read = new Set<Buffer>();
  const isNeeded = ({ writes, isLive }: Operation) =>
    isLive ||
    [...writes].some((buffer) =>
      read.has(buffer) || isKept(buffer) || buffer.source.kind !== "temporary"
    );
  return operations.toReversed().filter((operation) => {
    if (!isNeeded(operation)) return false;
    for (const buffer of operation.reads) read.add(buffer);
    return true;
  }).reverse();
}
