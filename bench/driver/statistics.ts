/** What many measurements of one thing come to. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  if (values.length === 0) {
    throw new RangeError("Cannot take a median: there are no values");
  }
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2
    ? sorted[half]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The median with the lowest and the highest value. */
export function summarize(values: readonly number[]): Summary {
  return {
    median: median(values),
    low: Math.min(...values),
    high: Math.max(...values),
  };
}

/**
 * How many times `a` is `b`: the median over rounds. What slows a machine for a
 * while slows both in a round, and does not change their ratio.
 */
export function ratio(a: readonly number[], b: readonly number[]): number {
  const rounds = Math.min(a.length, b.length);
  return median(
    Array.from({ length: rounds }, (_, i) => a[i]! / b[i]!),
  );
}

/**
 * The exponent of growth from each size to the next: 1 where twice the size takes
 * twice the time, 0 where it takes the same.
 */
export function slopes(
  sizes: readonly number[],
  times: readonly number[],
): number[] {
  return sizes.slice(1).map((size, i) =>
    Math.log(times[i + 1]! / times[i]!) / Math.log(size / sizes[i]!)
  );
}
