/**
 * Adagrad.
 *
 * @module
 */
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions } from "../check.ts";
import { decayed, type WeightDecayOptions } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { type OptimizerOptions, pipeline } from "../transforms/pipeline.ts";
import { elementwise } from "../transforms/elementwise.ts";

/** Options of {@linkcode scaleByRss}. */
export interface ScaleByRssOptions {
  /** What the sum of squares starts from. Default: 0. */
  readonly initialAccumulatorValue?: number | undefined;
  /** Keeps the denominator above zero. Default: 1e-10. */
  readonly eps?: number | undefined;
}

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
): GradientTransformation {
  const { initialAccumulatorValue = 0, eps = 1e-10 } = options;
  checkOptions("scaleByRss", { initialAccumulatorValue, eps });
  return elementwise({
    slots: { sum: initialAccumulatorValue },
    scalars: {},
    update({ update: g, sum }) {
      sum = sum.add(g.square());
      return { update: g.div(sum.sqrt().add(eps)), sum };
    },
  });
}

/** Options of {@linkcode adagrad}. */
export interface AdagradOptions
  extends OptimizerOptions, WeightDecayOptions, ScaleByRssOptions {
  /** How fast the rate falls with the number of steps. Default: 0. */
  readonly lrDecay?: number | undefined;
}

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
export function adagrad(options: AdagradOptions = {}): GradientTransformation {
  checkOptions("Adagrad", options);
  const { lrDecay = 0 } = options;
  const slower = elementwise({
    slots: {},
    scalars: { factor: ({ t }) => 1 / (1 + (t - 1) * lrDecay) },
    update: ({ update }, { factor }) => ({ update: update.mul(factor) }),
  });
  return pipeline(
    options,
    1e-2,
    ...decayed(options),
    scaleByRss(options),
    ...(lrDecay > 0 ? [slower] : []),
  );
}

/** The optimizer of {@linkcode adagrad}. */
export class Adagrad extends Optimizer<AdagradOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 1e-2 by default, `weightDecay` 0.
   */
  constructor(options: AdagradOptions = {}) {
    super(options, 1e-2);
  }

  /** The transformation of the class. */
  protected override defaultTx(
    options: AdagradOptions,
  ): GradientTransformation {
    return adagrad(options);
  }
}
