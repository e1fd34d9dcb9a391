/**
 * Gradient descent with momentum.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode momentum} and {@linkcode momentumNesterov}. */
export interface MomentumOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions {
  /** The decay rate of the velocity. Default: 0.9. */
  readonly momentum?: number | undefined;
}

const RULES: OptionRules<MomentumOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  momentum: "a nonnegative finite number",
};

/**
 * Gradient descent with momentum.
 *
 * ```text
 * g ← g + λ θ      b ← μ b + g      θ ← θ - α b
 * ```
 *
 * {@link https://doi.org/10.1016/0041-5553(64)90137-5 | Polyak, 1964}, as in
 * `torch.optim.SGD`.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function momentum(
  options: MomentumOptions = {},
): tx.GradientTransformation {
  checkOptions("create Momentum", options, RULES);
  const { momentum: decay = 0.9 } = options;
  return tx.pipeline(
    options,
    1e-3,
    ...tx.decayed(options),
    tx.trace({ decay }),
  );
}

/**
 * Gradient descent with momentum that looks one step ahead.
 *
 * ```text
 * g ← g + λ θ      b ← μ b + g      θ ← θ - α (μ b + g)
 * ```
 *
 * {@link https://proceedings.mlr.press/v28/sutskever13.html | Sutskever et al., 2013},
 * after Nesterov, 1983; as in `torch.optim.SGD`.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function momentumNesterov(
  options: MomentumOptions = {},
): tx.GradientTransformation {
  checkOptions("create MomentumNesterov", options, RULES);
  const { momentum: decay = 0.9 } = options;
  return tx.pipeline(
    options,
    1e-3,
    ...tx.decayed(options),
    tx.trace({ decay, nesterov: true }),
  );
}

/**
 * The optimizer of {@linkcode momentum}.
 *
 * Take it for convolutional networks on a long schedule: ResNet was trained with it, a
 * rate of 0.1 that was divided by 10 twice, and a decay of 1e-4. It keeps one tensor
 * for each parameter.
 */
export class Momentum extends Optimizer<MomentumOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: MomentumOptions = {}) {
    super(options, momentum);
  }
}

/**
 * The optimizer of {@linkcode momentumNesterov}.
 *
 * Take it where {@linkcode Momentum} overshoots: the gradient corrects the velocity
 * before it is used. Wide residual networks were trained with it and a rate of 0.1. It
 * keeps one tensor for each parameter.
 */
export class MomentumNesterov extends Optimizer<MomentumOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: MomentumOptions = {}) {
    super(options, momentumNesterov);
  }
}
