/**
 * The rule of Adam.
 *
 * @module
 */
import type { GradientTransformation } from "./transformation.ts";
import {
  boolean,
  checkOptions,
  oneOf,
  type OptionRules,
} from "../../internal/check.ts";
import { runningMean, runningSquare } from "./moments.ts";
import { betas } from "./options.ts";
import { elementwise } from "./elementwise.ts";
import type { StepInfo } from "./rule.ts";

/** Options of {@linkcode scaleByAdam}. */
export interface ScaleByAdamOptions {
  /** Decay rates of the mean gradient and mean square. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
  /** Whether the denominator never shrinks. Default: false. */
  readonly amsgrad?: boolean | undefined;
  /**
   * With `amsgrad`, what is kept at its greatest: the corrected mean square
   * (`"optax"`) or the uncorrected one (`"torch"`). Default: `"optax"`.
   */
  readonly variant?: "optax" | "torch" | undefined;
}

/** What the options of {@linkcode scaleByAdam} must be. */
export const SCALE_BY_ADAM_RULES: OptionRules<ScaleByAdamOptions> = {
  betas,
  eps: "a nonnegative finite number",
  amsgrad: boolean,
  variant: oneOf("optax", "torch"),
};

/**
 * Divide the mean gradient by its root mean square.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      m̂ = m / (1 - β₁ᵗ)
 * v ← β₂ v + (1 - β₂) g²     v̂ = v / (1 - β₂ᵗ)
 * u = m̂ / (√v̂ + ε)
 * ```
 *
 * With `amsgrad`, v̂ is the greatest so far; in torch's variant, the greatest v so
 * far is corrected by this step's 1 - β₂ᵗ, so that it can shrink.
 *
 * {@link https://arxiv.org/abs/1412.6980 | Kingma and Ba, 2014};
 * {@link https://arxiv.org/abs/1904.09237 | Reddi et al., 2018}.
 *
 * @param options See {@linkcode ScaleByAdamOptions}.
 * @returns The transformation.
 */
export function scaleByAdam(
  options: ScaleByAdamOptions = {},
): GradientTransformation {
  checkOptions("create scaleByAdam", options, SCALE_BY_ADAM_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, amsgrad, variant } =
    options;
  const c1 = ({ t }: StepInfo) => 1 - b1 ** t;
  const c2 = ({ t }: StepInfo) => 1 - b2 ** t;
  if (!amsgrad) {
    return elementwise({
      slots: { m: 0, v: 0 },
      // The same with the corrections taken out of the root, as in the paper's
      // section 2: two operations less at each element.
      scalars: {
        scale: (info) => Math.sqrt(c2(info)) / c1(info),
        floor: (info) => Math.sqrt(c2(info)) * eps,
      },
      update({ update: g, m, v }, { scale, floor }) {
        m = runningMean(m, g, b1);
        v = runningSquare(v, g, b2);
        return { update: m.mul(scale).div(v.sqrt().add(floor)), m, v };
      },
    });
  }
  return elementwise({
    slots: { m: 0, v: 0, vMax: 0 },
    scalars: { c1, c2 },
    update({ update: g, m, v, vMax }, { c1, c2 }) {
      m = runningMean(m, g, b1);
      v = runningSquare(v, g, b2);
      vMax = vMax.max(variant === "torch" ? v : v.div(c2));
      const vHat = variant === "torch" ? vMax.div(c2) : vMax;
      return { update: m.div(c1).div(vHat.sqrt().add(eps)), m, v, vMax };
    },
  });
}
