/**
 * Which operations of a recording are needed.
 *
 * @module
 */

/** Memory that operations read and write. */
export interface Stored {
  /** Where its contents come from: those of a "temporary" from operations alone. */
  readonly source: { readonly kind: string };
}

/** What an operation does to memory. */
export interface Effects<B extends Stored> {
  readonly reads: ReadonlySet<B>;
  readonly writes: ReadonlySet<B>;
  /** Whether it does something else besides, in each run. */
  readonly isLive: boolean;
}

/**
 * `operations` without those whose results nobody reads.
 *
 * @param operations The operations of a run, in order.
 * @param isKept Whether a buffer is needed after the run.
 */
export function needed<B extends Stored, O extends Effects<B>>(
  operations: readonly (O & Effects<B>)[],
  isKept: (buffer: B) => boolean,
): O[] {
  const read = new Set<B>();
  const isNeeded = ({ writes, isLive }: Effects<B>) =>
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
