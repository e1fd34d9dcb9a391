/**
 * Rates that are set by hand, over those of a schedule.
 *
 * @module
 */

/** Rates set by hand, one per base rate. */
export interface AppliedRates {
  /** The rates that were set. */
  readonly lrs: readonly number[];
  /** The rates of the schedule at that time. */
  readonly scheduled: readonly number[];
}

/** Rates set over those of the schedule; nothing if they are the same. */
export function appliedRates(
  lrs: readonly number[],
  scheduled: readonly number[],
): AppliedRates | undefined {
  return lrs.some((lr, i) => lr !== scheduled[i])
    ? { lrs, scheduled }
    : undefined;
}

/** The rates in place of `lrs` of the schedule. */
export function adjust(
  lrs: readonly number[],
  { lrs: applied, scheduled }: AppliedRates,
): number[] {
  return lrs.map((lr, i) => {
    const from = scheduled[i]!, to = applied[i]!;
    if (lr === from) return to;
    // From 0 there is no factor; from its own rate there is nothing to scale.
    return from === 0 || from === to ? lr : to * (lr / from);
  });
}
