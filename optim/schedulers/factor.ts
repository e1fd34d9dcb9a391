/**
 * Functions of the epoch that multiply a rate.
 *
 * @module
 */
import { callable, check, listOf, refuse } from "../../internal/check.ts";

/**
 * The factor of a rate at an epoch.
 *
 * @param epoch The epoch, from 0.
 * @returns The factor.
 */
export type LrFactor = (epoch: number) => number;

/** One function for all groups, or one for each. */
export function factorsOf(
  action: string,
  lrLambda: LrFactor | readonly LrFactor[],
  groups: number,
): readonly LrFactor[] {
  if (!Array.isArray(lrLambda)) {
    check(action, "lrLambda", lrLambda, callable);
    return [lrLambda as LrFactor];
  }
  check(action, "lrLambda", lrLambda, listOf(callable));
  if (lrLambda.length !== groups) {
    const rule = `a list with one function per base rate (${groups})`;
    refuse(action, "lrLambda", rule, lrLambda);
  }
  return [...lrLambda];
}
