/**
 * Cautious optimizers.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import {
  AroundOptimizer,
  BASE_RULES,
  type BaseOptions,
  baseTx,
} from "../optimizer/around_optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode cautious}. */
export interface CautiousOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, BaseOptions {}

const RULES: OptionRules<CautiousOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...BASE_RULES,
};

/**
 * Only those elements of another optimizer's steps that go down the gradient.
 *
 * ```text
 * k = 1 where u g < 0, else 0      u is what the other one adds to θ
 * θ ← θ + u k / max(mean of k, 10⁻³) - α λ θ
 * ```
 *
 * See {@linkcode keepAgreeing}. Decoupled weight decay is given here, not to the other
 * optimizer, as it is no part of what is compared with the gradient.
 *
 * {@link https://arxiv.org/abs/2411.16085 | Liang et al., 2024}, as in timm.
 *
 * @param options `weightDecay` is 0 by default; `lr` is for the class and for the decay.
 * @returns The transformation.
 */
export function cautious(options: CautiousOptions): tx.GradientTransformation {
  checkOptions("create Cautious", options, RULES);
  const base = baseTx("create Cautious", options);
  const { weightDecay = 0 } = options;
  const rate = tx.rateOf(options.lr, base.defaultLr ?? 1e-3);
  const decay = tx.decayOf(options);
  const decays = tx.elementwise({
    scalars: { share: (info) => rate(info) * decay(info) },
    update: ({ update, param }, { share }) => ({
      update: update.sub(param.mul(share)),
    }),
  });
  return tx.chain(
    ...tx.clips(options),
    tx.agreeing(base, -1),
    ...(weightDecay > 0 ? [decays] : []),
  );
}

/**
 * The optimizer of {@linkcode cautious}.
 *
 * Take it around any optimizer with momentum, for fewer steps at the same rate. It keeps
 * what the other one does.
 *
 * @example Cautious AdamW
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const baseOptimizer = new optim.Adam({ lr: 1e-3 });
 * new optim.Cautious({ baseOptimizer, weightDecay: 0.01 });
 * ```
 */
export class Cautious extends AroundOptimizer<CautiousOptions> {
  /**
   * Create the optimizer.
   *
   * @param options `lr` is that of the base optimizer by default, or 1e-3 for a
   * transformation without a rate of its own; `weightDecay` is 0.
   */
  constructor(options: CautiousOptions) {
    super(options, cautious);
  }
}
