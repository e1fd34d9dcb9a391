/**
 * Lookahead.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import {
  AroundOptimizer,
  BASE_RULES,
  type BaseOptions,
  baseTx,
} from "../optimizer/around_optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode pullBack}. */
export interface PullBackOptions {
  /** The number of steps from one pull to the next. Default: 5. */
  readonly syncPeriod?: number | undefined;
  /** The step of the slow weights toward the fast ones, as a fraction. Default: 0.5. */
  readonly alpha?: number | undefined;
}

const SCALE_RULES: OptionRules<PullBackOptions> = {
  syncPeriod: "a positive integer",
  alpha: "in [0, 1]",
};

/**
 * Every so many steps, go back to weights that follow slowly. It comes last in a
 * chain.
 *
 * ```text
 * f = θ + u      every k steps: φ ← φ + α (f - φ), θ ← φ      else θ ← f
 * ```
 *
 * @param options See {@linkcode PullBackOptions}.
 * @returns The transformation.
 */
export function pullBack(
  options: PullBackOptions = {},
): tx.GradientTransformation {
  checkOptions("create pullBack", options, SCALE_RULES);
  const { syncPeriod = 5, alpha = 0.5 } = options;
  return tx.elementwise({
    slots: { slow: "param" },
    scalars: { sync: ({ t }) => t % syncPeriod === 0 ? 1 : 0 },
    update({ update, param, slow }, { sync }) {
      const pulled = slow.lerp(param.add(update), alpha);
      return {
        update: sync.select(pulled.sub(param), update),
        slow: sync.select(pulled, slow),
      };
    },
  });
}

/** Options of {@linkcode lookahead}. */
export interface LookaheadOptions
  extends
    tx.OptimizerOptions,
    tx.WeightDecayOptions,
    PullBackOptions,
    BaseOptions {}

const RULES: OptionRules<LookaheadOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  ...BASE_RULES,
};

/**
 * Slow weights that follow those of another optimizer.
 *
 * See {@linkcode pullBack} for the rule. An L2 penalty (`g ← g + λ θ`) comes before
 * the other algorithm.
 *
 * {@link https://arxiv.org/abs/1907.08610 | Zhang et al., 2019}.
 *
 * @param options `weightDecay` is 0 by default; `lr` is for the class.
 * @returns The transformation.
 */
export function lookahead(
  options: LookaheadOptions,
): tx.GradientTransformation {
  checkOptions("create Lookahead", options, RULES);
  return tx.chain(
    ...tx.clips(options),
    ...tx.decayed(options),
    baseTx("create Lookahead", options), // the fast steps
    pullBack(pick(options, SCALE_RULES)),
  );
}

/**
 * The optimizer of {@linkcode lookahead}.
 *
 * Take it around an optimizer whose last steps are noisy: the slow weights average
 * them. It keeps one more tensor for each parameter.
 */
export class Lookahead extends AroundOptimizer<LookaheadOptions> {
  /**
   * Create the optimizer.
   *
   * @param options `lr` is that of the base optimizer by default, or 1e-3 for a
   * transformation without a rate of its own; `weightDecay` is 0.
   */
  constructor(options: LookaheadOptions) {
    super(options, lookahead);
  }
}
