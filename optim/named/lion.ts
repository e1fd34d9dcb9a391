/**
 * Lion.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByLion}. */
export interface ScaleByLionOptions {
  /** Decay rates of the mean in the step, and of the mean kept. Default: [0.9, 0.99]. */
  readonly betas?: readonly [number, number] | undefined;
}

const SCALE_RULES: OptionRules<ScaleByLionOptions> = {
  betas: tx.betas,
};

/**
 * The sign of the mean gradient.
 *
 * ```text
 * u = sign(β₁ m + (1 - β₁) g)      m ← β₂ m + (1 - β₂) g
 * ```
 *
 * {@link https://arxiv.org/abs/2302.06675 | Chen et al., 2023}.
 *
 * @param options See {@linkcode ScaleByLionOptions}.
 * @returns The transformation.
 */
export function scaleByLion(
  options: ScaleByLionOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByLion", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.99] } = options;
  return tx.elementwise({
    slots: { m: 0 },
    update: ({ update: g, m }) => ({
      update: tx.runningMean(m, g, b1).sign(),
      m: tx.runningMean(m, g, b2),
    }),
  });
}

/** Options of {@linkcode lion}. */
export interface LionOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByLionOptions {}

const RULES: OptionRules<LionOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * Lion with decoupled weight decay.
 *
 * ```text
 * θ ← θ - α (u + λ θ)      u as in scaleByLion
 * ```
 *
 * @param options `lr` is 1e-4 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function lion(options: LionOptions = {}): tx.GradientTransformation {
  checkOptions("create Lion", options, RULES);
  return tx.pipeline(
    options,
    1e-4,
    scaleByLion(pick(options, SCALE_RULES)),
    ...tx.decayed(options),
  );
}

/**
 * The optimizer of {@linkcode lion}.
 *
 * Take it in place of {@linkcode AdamW} with half the memory: it keeps one tensor for
 * each parameter. Its paper takes rates 3 to 10 times smaller, and a decay as many
 * times larger.
 */
export class Lion extends Optimizer<LionOptions> {
  /** Create the optimizer. `lr` is 1e-4 by default, `weightDecay` 0. */
  constructor(options: LionOptions = {}) {
    super(options, lion);
  }
}
