/**
 * NovoGrad.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByNovograd}. */
export interface ScaleByNovogradOptions extends tx.WeightDecayOptions {
  /** Decay rates of the mean gradient and of its squared norm. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-8. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByNovogradOptions> = {
  betas: tx.betas,
  eps: "a nonnegative finite number",
  ...tx.DECAY_RULES,
};

/**
 * Momentum of gradients divided by the root mean square of their norm: one number
 * for each parameter.
 *
 * ```text
 * v ← β₂ v + (1 - β₂) ‖g‖²      v = ‖g‖² at the first step
 * m ← β₁ m + g / (√v + ε) + λ θ      u = m
 * ```
 *
 * {@link https://arxiv.org/abs/1905.11286 | Ginsburg et al., 2019}, as in optax.
 *
 * @param options See {@linkcode ScaleByNovogradOptions}.
 * @returns The transformation.
 */
export function scaleByNovograd(
  options: ScaleByNovogradOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByNovograd", options, SCALE_RULES);
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } =
    options;
  const { decayMask } = options;
  return tx.elementwise({
    slots: { m: 0, v: { one: 0 } },
    scalars: {
      kept: ({ t }) => t === 1 ? 0 : b2,
      added: ({ t }) => t === 1 ? 1 : 1 - b2,
      decay: ({ path, shape }) =>
        tx.matches(decayMask, path, shape) ? weightDecay : 0,
    },
    update({ update: g, param, m, v }, { kept, added, decay }) {
      v = v.mul(kept).add(g.square().sum().mul(added));
      const scaled = g.div(v.sqrt().add(eps));
      m = m.mul(b1).add(scaled.add(param.mul(decay)));
      return { update: m, m, v };
    },
  });
}

/** Options of {@linkcode novograd}. */
export interface NovogradOptions
  extends tx.OptimizerOptions, ScaleByNovogradOptions {}

const RULES: OptionRules<NovogradOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...SCALE_RULES,
};

/**
 * NovoGrad.
 *
 * See {@linkcode scaleByNovograd} for the rule. The defaults of `betas` are those of
 * braintools; the paper's are [0.95, 0.98].
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function novograd(
  options: NovogradOptions = {},
): tx.GradientTransformation {
  checkOptions("create Novograd", options, RULES);
  return tx.pipeline(
    options,
    1e-3,
    scaleByNovograd(pick(options, SCALE_RULES)),
  );
}

/**
 * The optimizer of {@linkcode novograd}.
 *
 * Take it in place of {@linkcode Adam} with half the memory: it keeps one tensor and
 * one number for each parameter. Its paper trains networks for speech with it.
 */
export class Novograd extends Optimizer<NovogradOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: NovogradOptions = {}) {
    super(options, novograd);
  }
}
