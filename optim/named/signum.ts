/**
 * Signum.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleBySignum}. */
export interface ScaleBySignumOptions {
  /** The decay rate of the mean gradient; 0: the sign of gradients. Default: 0.9. */
  readonly momentum?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleBySignumOptions> = {
  momentum: "in [0, 1)",
};

/**
 * The sign of the mean gradient.
 *
 * ```text
 * m ← β m + (1 - β) g      u = sign(m)
 * ```
 *
 * {@link https://arxiv.org/abs/1802.04434 | Bernstein et al., 2018}.
 *
 * @param options See {@linkcode ScaleBySignumOptions}.
 * @returns The transformation.
 */
export function scaleBySignum(
  options: ScaleBySignumOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleBySignum", options, SCALE_RULES);
  const { momentum = 0.9 } = options;
  if (momentum === 0) {
    return tx.elementwise({
      update: ({ update: g }) => ({ update: g.sign() }),
    });
  }
  return tx.elementwise({
    slots: { m: 0 },
    update({ update: g, m }) {
      m = tx.runningMean(m, g, momentum);
      return { update: m.sign(), m };
    },
  });
}

/** Options of {@linkcode signum}. */
export interface SignumOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleBySignumOptions {}

const RULES: OptionRules<SignumOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * Signum with decoupled weight decay.
 *
 * ```text
 * θ ← θ - α (u + λ θ)      u as in scaleBySignum
 * ```
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function signum(options: SignumOptions = {}): tx.GradientTransformation {
  checkOptions("create Signum", options, RULES);
  return tx.pipeline(
    options,
    1e-3,
    scaleBySignum(pick(options, SCALE_RULES)),
    ...tx.decayed(options),
  );
}

/**
 * The optimizer of {@linkcode signum}.
 *
 * Take it where the size of gradients says nothing, or where only their signs can be
 * sent. All steps have the length of the rate, which should fall. It keeps one tensor
 * for each parameter, and none without momentum.
 */
export class Signum extends Optimizer<SignumOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: SignumOptions = {}) {
    super(options, signum);
  }
}
