/** Sums in registers: enough that none waits for the one before. */
export const SUMS = 12;
/** Turns of the loop in one call. */
export const TURNS = 100_000;

/** Floating point operations of one turn of the task `peak`, by all threads. */
export function peakOperations(threads: number): number {
  return threads * TURNS * SUMS * 4 * 2;
}
