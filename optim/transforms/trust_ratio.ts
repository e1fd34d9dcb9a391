/**
 * Steps in proportion to the norm of a parameter.
 *
 * @module
 */
import type { Expr } from "../../backend/fusion/mod.ts";
import type { GradientTransformation } from "./transformation.ts";
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { mask } from "./options.ts";
import { type Mask, matches } from "./mask.ts";
import { elementwise } from "./elementwise.ts";

/** Options of {@linkcode scaleByTrustRatio}. */
export interface ScaleByTrustRatioOptions {
  /** The length of an update, in norms of its parameter. Default: 1. */
  readonly trustCoefficient?: number | undefined;
  /** Added to the denominator. Default: 0. */
  readonly eps?: number | undefined;
  /** Which parameters are scaled. Default: all. */
  readonly trustMask?: Mask | undefined;
}

const RULES: OptionRules<ScaleByTrustRatioOptions> = {
  trustCoefficient: "a positive finite number",
  eps: "a nonnegative finite number",
  trustMask: mask,
};

/** `η ‖param‖ / (‖update‖ + ε)`, or 1 where a norm is 0. */
export function trustRatio(
  param: Expr,
  update: Expr,
  coefficient = 1,
  eps = 0,
): Expr {
  const size = param.norm(), length = update.norm();
  const ratio = size.mul(coefficient).div(length.add(eps));
  return size.select(length.select(ratio, 1), 1);
}

/**
 * Scale the update of each parameter by the norm of the parameter.
 *
 * ```text
 * u ← η ‖θ‖ / (‖u‖ + ε) u      unchanged where ‖θ‖ or ‖u‖ is 0
 * ```
 *
 * @param options See {@linkcode ScaleByTrustRatioOptions}.
 * @returns The transformation.
 */
export function scaleByTrustRatio(
  options: ScaleByTrustRatioOptions = {},
): GradientTransformation {
  checkOptions("create scaleByTrustRatio", options, RULES);
  const { trustCoefficient = 1, eps = 0, trustMask } = options;
  return elementwise({
    scalars: {
      scales: ({ path, shape }) => matches(trustMask, path, shape) ? 1 : 0,
    },
    update({ update, param }, { scales }) {
      const ratio = trustRatio(param, update, trustCoefficient, eps);
      return {
        update: update.mul(trustMask ? scales.select(ratio, 1) : ratio),
      };
    },
  });
}
