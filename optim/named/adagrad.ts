/**
 * Adagrad.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scaleByRss}. */
export interface ScaleByRssOptions {
  /** The initial sum of squares. Default: 0. */
  readonly initialAccumulatorValue?: number | undefined;
  /** Added to the denominator. Default: 1e-10. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleByRssOptions> = {
  initialAccumulatorValue: "a nonnegative finite number",
  eps: "a nonnegative finite number",
};

/**
 * Divide each gradient by the root of the sum of all its squares so far.
 *
 * ```text
 * G ← G + g²      u = g / (√G + ε)
 * ```
 *
 * @param options See {@linkcode ScaleByRssOptions}.
 * @returns The transformation.
 */
export function scaleByRss(
  options: ScaleByRssOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleByRss", options, SCALE_RULES);
  const { initialAccumulatorValue = 0, eps = 1e-10 } = options;
  return tx.elementwise({
    slots: { sum: initialAccumulatorValue },
    update({ update: g, sum }) {
      sum = sum.add(g.square());
      return { update: g.div(sum.sqrt().add(eps)), sum };
    },
  });
}

/** Options of {@linkcode adagrad}. */
export interface AdagradOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleByRssOptions {
  /** The decay of the rate with the number of steps. Default: 0. */
  readonly lrDecay?: number | undefined;
}

const RULES: OptionRules<AdagradOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  lrDecay: "a nonnegative finite number",
};

/**
 * Adagrad: rates that fall with what each element has moved already.
 *
 * ```text
 * g ← g + λ θ      G ← G + g²
 * θ ← θ - α / (1 + (t - 1) lrDecay) · g / (√G + ε)
 * ```
 *
 * {@link https://jmlr.org/papers/v12/duchi11a.html | Duchi et al., 2011}, as in
 * `torch.optim.Adagrad`.
 *
 * @param options `lr` is 1e-2 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function adagrad(
  options: AdagradOptions = {},
): tx.GradientTransformation {
  checkOptions("create Adagrad", options, RULES);
  const { lrDecay = 0 } = options;
  const slower = tx.elementwise({
    scalars: { factor: ({ t }) => 1 / (1 + (t - 1) * lrDecay) },
    update: ({ update }, { factor }) => ({ update: update.mul(factor) }),
  });
  return tx.pipeline(
    options,
    1e-2,
    ...tx.decayed(options),
    scaleByRss(pick(options, SCALE_RULES)),
    ...(lrDecay > 0 ? [slower] : []),
  );
}

/**
 * The optimizer of {@linkcode adagrad}.
 *
 * Take it where features are sparse, such as embeddings of rare words: what seldom has
 * a gradient keeps a large rate. Rates only fall, so that long runs come to rest. It
 * keeps one tensor for each parameter.
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  /** Create the optimizer. `lr` is 1e-2 by default, `weightDecay` 0. */
  constructor(options: AdagradOptions = {}) {
    super(options, adagrad);
  }
}
