/**
 * Clipping of gradients.
 *
 * @module
 */
import { Expr } from "../../backend/fusion/mod.ts";
import type { GradientTransformation } from "./transformation.ts";
import { check } from "../../internal/check.ts";
import { elementwise } from "./elementwise.ts";

/**
 * Scale all updates down until their norm, taken together, is at most `maxNorm`.
 *
 * ```text
 * n = √(Σ g²) over all parameters      g ← g · maxNorm / max(n, maxNorm)
 * ```
 *
 * If any gradient is not a number, all are.
 *
 * {@link https://arxiv.org/abs/1211.5063 | Pascanu et al., 2012}.
 *
 * @param maxNorm The greatest norm.
 * @returns The transformation.
 */
export function clipByGlobalNorm(maxNorm: number): GradientTransformation {
  const action = "create clipByGlobalNorm";
  check(action, "maxNorm", maxNorm, "a positive finite number");
  return elementwise({
    update({ update: g }) {
      const norm = g.square().sumAll().sqrt();
      // Exactly 1 where nothing is to be clipped.
      const factor = Expr.constant(maxNorm).div(norm.max(maxNorm));
      return { update: g.mul(factor) };
    },
  });
}

/**
 * Leave updates as they are, and count them in the norm that
 * {@linkcode clipByGlobalNorm} computes for other parameters of the same step.
 *
 * @returns The transformation.
 */
export function countInGlobalNorm(): GradientTransformation {
  return elementwise({
    update({ update: g }) {
      const norm = g.square().sumAll().sqrt();
      return { update: norm.select(g, g) }; // computed, and not used
    },
  });
}

/**
 * Clip each element of the updates to `[-limit, limit]`.
 *
 * @param limit The greatest absolute value.
 * @returns The transformation.
 */
export function clipByValue(limit: number): GradientTransformation {
  check("create clipByValue", "limit", limit, "a positive finite number");
  return elementwise({
    update: ({ update }) => ({ update: update.max(-limit).min(limit) }),
  });
}
