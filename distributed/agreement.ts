/**
 * Makes sure that all ranks do the same. MPI itself gives wrong sums, or crashes, where
 * they do not.
 *
 * @module
 */
import type { Communicator } from "./mpi/communicator.ts";

/** How many numbers can be added up beside the check. */
export const NUMBERS = 4;

/** Thrown on all ranks at once, where they are about to do different things. */
export class DisagreementError extends RangeError {
  /** Its name. */
  override readonly name: string = "RangeError";
}

/**
 * Make sure that all ranks are about to do the same, and add up some numbers in the same
 * message. Each collective operation begins with it, so that ranks that are about to do
 * different things exchange messages of one length, and find out.
 *
 * @param action What is about to be done, as in `"reduce"`.
 * @param what With what, such as the names and shapes of tensors.
 * @param numbers At most {@linkcode NUMBERS}.
 * @returns Their sums over all ranks.
 * @throws {DisagreementError} On all ranks, if they differ.
 */
export function agree(
  mpi: Communicator,
  action: string,
  what: string,
  numbers: readonly number[] = [],
): number[] {
  if (mpi.size === 1) return [...numbers];
  const text = `${action} ${what}`.trim();
  const hash = hashOf(text);
  const message = new Float64Array(2 + NUMBERS);
  message.set([hash, hash * hash, ...numbers]);
  mpi.allReduce(message);
  const [sum, squares] = message;
  // By the inequality of Cauchy and Schwarz, it holds for equal numbers only.
  if (sum! * sum! === mpi.size * squares!) {
    return [...message.subarray(2, 2 + numbers.length)];
  }
  const all = gatherTexts(mpi, text);
  const other = all.findIndex((x) => x !== all[0]);
  throw new DisagreementError(
    `Cannot ${action}: all ranks must do the same with the same names and shapes: rank 0 would ${
      short(all[0]!)
    }, rank ${other} would ${short(all[other]!)}`,
  );
}

/** A text of each rank, in the order of ranks. */
export function gatherTexts(mpi: Communicator, text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  const own = new Uint8Array(Uint32Array.of(bytes.length).buffer);
  const lengths = new Uint32Array(mpi.allGather(own).buffer);
  const most = Math.max(...lengths);
  const padded = new Uint8Array(most);
  padded.set(bytes);
  const all = mpi.allGather(padded);
  return Array.from(lengths, (length, rank) => {
    const of = all.subarray(rank * most, rank * most + length);
    return new TextDecoder().decode(of);
  });
}

function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** 20 bits of FNV-1a: sums of their squares are exact for up to 8,192 ranks. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 12;
}
