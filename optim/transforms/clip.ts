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
 * Scale the update of each parameter down until its norm is at most `maxNorm`.
 *
 * ```text
 * n = √(Σ g²) over one parameter      g ← g · maxNorm / max(n, maxNorm)
 * ```
 *
 * As the option `clipnorm` of Keras' optimizers.
 *
 * @param maxNorm The greatest norm.
 * @returns The transformation.
 */
export function clipByNorm(maxNorm: number): GradientTransformation {
  check("create clipByNorm", "maxNorm", maxNorm, "a positive finite number");
  return elementwise({
    update({ update: g }) {
      const factor = Expr.constant(maxNorm).div(g.norm().max(maxNorm));
      return { update: g.mul(factor) };
    },
  });
}

/**
 * Scale the update of each parameter down until its root mean square is at most
 * `threshold`.
 *
 * ```text
 * r = √(mean of g²) over one parameter      g ← g / max(1, r / threshold)
 * ```
 *
 * As `optax.clip_by_block_rms`, and as the updates of Adafactor
 * ({@link https://arxiv.org/abs/1804.04235 | Shazeer and Stern, 2018}).
 *
 * @param threshold The greatest root mean square.
 * @returns The transformation.
 */
export function clipByBlockRms(threshold: number): GradientTransformation {
  const action = "create clipByBlockRms";
  check(action, "threshold", threshold, "a positive finite number");
  return elementwise({
    update({ update: g }) {
      const count = Expr.constant(1).sum();
      const rms = g.square().sum().div(count).sqrt();
      return { update: g.div(rms.div(threshold).max(1)) };
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
