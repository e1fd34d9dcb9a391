/**
 * GaLore.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode galore}. */
export interface GaLoreOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, tx.ProjectLowRankOptions {
  /** Decay rates of the mean gradient and mean square. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root of the mean square. Default: 1e-6. */
  readonly eps?: number | undefined;
}

const RULES: OptionRules<GaLoreOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.PROJECT_RULES,
  betas: tx.betas,
  eps: "a nonnegative finite number",
};

/**
 * AdamW of gradients that are projected to few directions.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g'      v ← β₂ v + (1 - β₂) g'²      g' projected
 * u' = √(1 - β₂ᵗ) / (1 - β₁ᵗ) m / (√v + ε)
 * θ ← (1 - α λ) (θ - α u)      u projected back
 * ```
 *
 * See {@linkcode projectLowRank} for the projection.
 *
 * {@link https://arxiv.org/abs/2403.03507 | Zhao et al., 2024}, as in their GaLoreAdamW.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function galore(options: GaLoreOptions = {}): tx.GradientTransformation {
  checkOptions("create GaLore", options, RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-6, lr } = options;
  const adam = tx.elementwise({
    slots: { m: 0, v: 0 },
    scalars: {
      correction: ({ t }) => Math.sqrt(1 - b2 ** t) / (1 - b1 ** t),
    },
    update({ update: g, m, v }, { correction }) {
      m = tx.runningMean(m, g, b1);
      v = tx.runningSquare(v, g, b2);
      return { update: m.div(v.sqrt().add(eps)).mul(correction), m, v };
    },
  });
  return tx.chain(
    ...tx.clips(options),
    tx.projectLowRank(adam, pick(options, tx.PROJECT_RULES)),
    tx.stepAndDecay(lr, 1e-3, options),
  );
}

/**
 * The optimizer of {@linkcode galore}.
 *
 * Take it in place of {@linkcode AdamW} where the slots of large matrices do not fit: of a
 * matrix of m by n, with m the shorter axis, it keeps two tensors of `rank` by n and one of
 * m by `rank`. The example of its authors has a rate of 0.01.
 */
export class GaLore extends Optimizer<GaLoreOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: GaLoreOptions = {}) {
    super(options, galore);
  }
}
