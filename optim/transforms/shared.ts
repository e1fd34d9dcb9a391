/**
 * Numbers that are one for all parameters of a step, of which each parameter keeps a
 * copy.
 *
 * Copies are the same, but for those of parameters that have come later, or that have
 * had no gradient for some steps: these take the mean of the copies of the others.
 *
 * @module
 */
import type { Expr } from "../../backend/fusion/mod.ts";

/** What a copy may differ from the mean by: more than sums of float32 are wrong by. */
const TOLERANCE = 1e-3;

/**
 * The number that `copy` is a copy of.
 *
 * @param copy A slot of one number.
 * @param isOld 0 at the first step of a parameter, else 1.
 * @param scope The parameters that share it: see `Expr.sumAll`.
 */
export function shared(copy: Expr, isOld: Expr, scope: string): Expr {
  const { count, mean } = meanOf(copy, isOld, scope);
  const apart = mean.sub(copy).abs().sub(mean.abs().mul(TOLERANCE));
  return count.select(apart.select(mean, copy), copy);
}

/** As {@linkcode shared}, for a number that never becomes smaller. */
export function sharedGreatest(copy: Expr, isOld: Expr, scope: string): Expr {
  const { count, mean } = meanOf(copy, isOld, scope);
  const behind = mean.mul(1 - TOLERANCE).sub(copy);
  return count.select(behind.select(mean, copy), copy);
}

function meanOf(copy: Expr, isOld: Expr, scope: string) {
  const count = isOld.sumAll(scope);
  return { count, mean: copy.mul(isOld).sumAll(scope).div(count) };
}
