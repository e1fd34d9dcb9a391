/**
 * Schedule-Free AdamW.
 *
 * @module
 */
import { checkOptions, type OptionRules, pair } from "../../internal/check.ts";
import {
  AveragingOptimizer,
  interpolates,
} from "../optimizer/averaging_optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scheduleFreeAdamw}. */
export interface ScheduleFreeAdamWOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, tx.ScheduleFreeOptions {
  /**
   * The share β₁ of x in the point y, in (0, 1), and the decay rate β₂ of the mean
   * square. Default: [0.9, 0.999].
   */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
}

const RULES: OptionRules<ScheduleFreeAdamWOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.SCHEDULE_FREE_RULES,
  betas: pair("in (0, 1)", "in [0, 1)"),
  eps: "a nonnegative finite number",
};

/**
 * AdamW with an average of its points in place of momentum and a schedule.
 *
 * ```text
 * v ← β₂ v + (1 - β₂) g²      u = g / (√(v / (1 - β₂ᵗ)) + ε) + λ y      at y
 * z ← z - α u      x ← (1 - c) x + c z      y ← β₁ x + (1 - β₁) z
 * ```
 *
 * α and c are those of {@linkcode scheduleFreeSgd}. Parameters are y, and x is not kept:
 * it follows from y and z.
 *
 * {@link https://arxiv.org/abs/2405.15682 | Defazio et al., 2024}, as in their package
 * `schedulefree`.
 *
 * @param options `lr` is 2.5e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function scheduleFreeAdamw(
  options: ScheduleFreeAdamWOptions = {},
): tx.GradientTransformation {
  checkOptions("create ScheduleFreeAdamW", options, RULES);
  const { lr, weightDecay = 0, decayMask } = options;
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 } = options;
  const scale = tx.elementwise({
    slots: { v: 0 },
    scalars: { correction: ({ t }) => 1 / (1 - b2 ** t) },
    update({ update: g, v }, { correction }) {
      v = tx.runningSquare(v, g, b2);
      return { update: g.div(v.mul(correction).sqrt().add(eps)), v };
    },
  });
  const whole = tx.chain(
    ...tx.clips(options),
    scale,
    ...tx.decayed({ weightDecay, decayMask }),
    tx.followAverage(lr, 2.5e-3, options, b1),
  );
  return interpolates({ ...whole, defaultLr: 2.5e-3 }, b1);
}

/**
 * The optimizer of {@linkcode scheduleFreeAdamw}.
 *
 * Take it in place of {@linkcode AdamW} with a schedule where the number of steps is not
 * known beforehand: there is nothing to decay. Its authors take rates 1 to 10 times as
 * large, and `warmupSteps`. It keeps two tensors for each parameter, as AdamW does. Call
 * `swap` before and after an evaluation; `fit` does.
 */
export class ScheduleFreeAdamW
  extends AveragingOptimizer<ScheduleFreeAdamWOptions> {
  /** Create the optimizer. `lr` is 2.5e-3 by default, `weightDecay` 0. */
  constructor(options: ScheduleFreeAdamWOptions = {}) {
    super(options, scheduleFreeAdamw);
  }
}
