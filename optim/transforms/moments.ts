/**
 * Running means of gradients and of their squares.
 *
 * @module
 */
import type { Expr } from "../../backend/fusion/mod.ts";

/**
 * `β m + (1 - β) x`.
 *
 * Not `m + (1 - β) (x - m)`, in which the difference of two finite numbers may
 * overflow.
 */
export function runningMean(m: Expr, x: Expr, beta: number): Expr {
  return m.mul(beta).add(x.mul(1 - beta));
}

/**
 * `β v + (1 - β) x²`, the last term as `((1 - β) x) x`, as in torch: it is finite
 * for some x of which the square is not. Where it overflows, v is infinite, and the
 * steps that are divided by its root are 0; they are never not-a-number.
 */
export function runningSquare(v: Expr, x: Expr, beta: number): Expr {
  return v.mul(beta).add(x.mul(1 - beta).mul(x));
}

/** The greatest float32. */
export const GREATEST = 3.4028234663852886e38;

/** `x`, or the greatest finite number in place of infinity. */
export function finite(x: Expr): Expr {
  return x.min(GREATEST);
}

/** As {@linkcode finite}, for infinities of both signs. */
export function bounded(x: Expr): Expr {
  return finite(x).max(-GREATEST);
}
