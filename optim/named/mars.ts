/**
 * MARS.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByMars}. */
export interface ScaleByMarsOptions extends tx.MomentsOptions {
  /** The weight of the correction. Default: 0.025. */
  readonly gamma?: number | undefined;
  /** Which gradients are corrected; others are those of Adam. Default: `isMatrix`. */
  readonly correctionMask?: tx.Mask | undefined;
  /** The decay rates of what is not corrected. Default: [0.9, 0.95]. */
  readonly plainBetas?: readonly [number, number] | undefined;
}

const SCALE_RULES: OptionRules<ScaleByMarsOptions> = {
  ...tx.MOMENTS_RULES,
  gamma: "a nonnegative finite number",
  correctionMask: tx.mask,
  plainBetas: tx.betas,
};

/**
 * Adam of gradients that are corrected by how they have changed, which lessens their
 * noise.
 *
 * ```text
 * c = g + γ β₁ / (1 - β₁) (g - g of the step before)      c ← c / max(1, ‖c‖)
 * u = m̂ / (√v̂ + ε)      m̂, v̂ as in scaleByAdam, of c
 * ```
 *
 * ‖c‖ is the norm of one parameter. In place of the gradient of the last parameters for
 * this batch stands the gradient of the step before, for its own batch, which is 0 at
 * the first step: the approximation of the paper, which costs no second gradient.
 *
 * {@link https://arxiv.org/abs/2411.10438 | Yuan et al., 2024}, MARS-AdamW as in the
 * authors' implementation.
 *
 * @param options `betas` are [0.95, 0.99] by default, `eps` 1e-8.
 * @returns The transformation.
 */
export function scaleByMars(
  options: ScaleByMarsOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByMars", options, SCALE_RULES);
  const { betas = [0.95, 0.99], eps = 1e-8, gamma = 0.025 } = options;
  const { correctionMask = tx.isMatrix, plainBetas = [0.9, 0.95] } = options;
  const [b1] = betas, weight = gamma * b1 / (1 - b1);
  const correct = tx.elementwise({
    slots: { last: 0 },
    update({ update: g, last }) {
      const c = tx.bounded(g.mul(1 + weight).sub(last.mul(weight)));
      return { update: c.div(c.norm().max(1)), last: g };
    },
  });
  return tx.partition(
    (path, shape) =>
      tx.matches(correctionMask, path, shape) ? "corrected" : "plain",
    {
      corrected: tx.chain(correct, tx.scaleByAdam({ betas, eps })),
      plain: tx.scaleByAdam({ betas: plainBetas, eps }),
    },
  );
}

/** Options of {@linkcode mars}. */
export interface MarsOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByMarsOptions {}

const RULES: OptionRules<MarsOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
};

/**
 * MARS with decoupled weight decay.
 *
 * ```text
 * θ ← θ - α (u + λ θ)      u as in scaleByMars
 * ```
 *
 * @param options `lr` is 3e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function mars(options: MarsOptions = {}): tx.GradientTransformation {
  checkOptions("create Mars", options, RULES);
  return tx.pipeline(
    options,
    3e-3,
    scaleByMars(pick(options, SCALE_RULES)),
    ...tx.decayed(options),
  );
}

/**
 * The optimizer of {@linkcode mars}.
 *
 * Take it in place of {@linkcode AdamW} to train language models, of which gradients are
 * noisy. It keeps three tensors for each matrix, and two for each vector.
 */
export class Mars extends Optimizer<MarsOptions> {
  /** Create the optimizer. `lr` is 3e-3 by default, `weightDecay` 0. */
  constructor(options: MarsOptions = {}) {
    super(options, mars);
  }
}
