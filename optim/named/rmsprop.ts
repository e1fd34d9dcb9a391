/**
 * RMSprop.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  pick,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByRms}. */
export interface ScaleByRmsOptions {
  /** Decay rate of the mean square. Default: 0.99. */
  readonly alpha?: number | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
  /** Whether to divide by the deviation from the mean. Default: false. */
  readonly centered?: boolean | undefined;
}

const SCALE_RULES: OptionRules<ScaleByRmsOptions> = {
  alpha: "in [0, 1]",
  eps: "a nonnegative finite number",
  centered: boolean,
};

/**
 * Divide each gradient by its root mean square.
 *
 * ```text
 * v ← α v + (1 - α) g²      u = g / √(v + ε)
 * ```
 *
 * With `centered`, by its standard deviation:
 *
 * ```text
 * m ← α m + (1 - α) g       u = g / √(max(v - m², 0) + ε)
 * ```
 *
 * Rounding can make v - m² negative where gradients stay the same: without the
 * `max`, that is not a number.
 *
 * {@link https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf | Tieleman and Hinton, 2012}.
 *
 * @param options See {@linkcode ScaleByRmsOptions}.
 * @returns The transformation.
 */
export function scaleByRms(
  options: ScaleByRmsOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByRms", options, SCALE_RULES);
  const { alpha = 0.99, eps = 1e-8, centered = false } = options;
  if (!centered) {
    return tx.elementwise({
      slots: { v: 0 },
      update({ update: g, v }) {
        v = tx.runningSquare(v, g, alpha);
        return { update: g.div(v.add(eps).sqrt()), v };
      },
    });
  }
  return tx.elementwise({
    slots: { m: 0, v: 0 },
    update({ update: g, m, v }) {
      m = tx.runningMean(m, g, alpha);
      v = tx.runningSquare(v, g, alpha);
      const variance = v.sub(tx.finite(m.square())).max(0);
      return { update: g.div(variance.add(eps).sqrt()), m, v };
    },
  });
}

/** Options of {@linkcode rmsprop}. */
export interface RMSpropOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByRmsOptions {
  /** The decay rate of the velocity. Default: 0. */
  readonly momentum?: number | undefined;
}

const RULES: OptionRules<RMSpropOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  momentum: "a nonnegative finite number",
};

/**
 * RMSprop with an L2 penalty (`g ← g + λ θ` comes first).
 *
 * See {@linkcode scaleByRms} for the rule; momentum comes after it. As optax, and
 * unlike torch, ε is inside the root.
 *
 * @param options `lr` is 1e-2 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function rmsprop(
  options: RMSpropOptions = {},
): tx.GradientTransformation {
  checkOptions("create RMSprop", options, RULES);
  const { momentum = 0 } = options;
  return tx.pipeline(
    options,
    1e-2,
    ...tx.decayed(options),
    scaleByRms(pick(options, SCALE_RULES)),
    ...(momentum ? [tx.trace({ decay: momentum })] : []),
  );
}

/**
 * The optimizer of {@linkcode rmsprop}.
 *
 * Take it where the scale of gradients changes in training, as in reinforcement
 * learning and recurrent networks. It keeps one tensor for each parameter, two with
 * momentum.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  /** Create the optimizer. `lr` is 1e-2 by default, `weightDecay` 0. */
  constructor(options: RMSpropOptions = {}) {
    super(options, rmsprop);
  }
}
