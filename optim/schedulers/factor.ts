/**
 * Functions of the epoch that multiply a rate.
 *
 * @module
 */
import { checkFunction, checkLength } from "./checks.ts";

/**
 * What a rate is multiplied by at an epoch.
 *
 * @param epoch The epoch, from 0.
 * @returns The factor.
 */
export type LrFactor = (epoch: number) => number;

/** One function for all groups, or one for each. */
export function factors(
  action: string,
  lrLambda: LrFactor | readonly LrFactor[],
  groups: number,
): readonly LrFactor[] {
  if (!Array.isArray(lrLambda)) {
    checkFunction(action, "lrLambda", lrLambda);
    return [lrLambda as LrFactor];
  }
  checkLength(
    action,
    "lrLambda",
    lrLambda,
    groups,
    "one function per base rate",
  );
  for (const [i, lambda] of lrLambda.entries()) {
    checkFunction(action, `lrLambda[${i}]`, lambda);
  }
  return [...lrLambda];
}
