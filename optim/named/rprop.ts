/**
 * Rprop.
 *
 * @module
 */
import {
  checkOptions,
  type OptionRules,
  pair,
  refuse,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode rprop}. */
export interface RpropOptions extends tx.OptimizerOptions {
  /** The factors that shrink and grow step sizes. Default: [0.5, 1.2]. */
  readonly etas?: readonly [number, number] | undefined;
  /** The least and greatest step size. Default: [1e-6, 50]. */
  readonly stepSizes?: readonly [number, number] | undefined;
}

const RULES: OptionRules<RpropOptions> = {
  ...tx.OPTIMIZER_RULES,
  etas: pair("in (0, 1)", "a finite number greater than 1"),
  stepSizes: pair("a positive finite number", "a positive finite number"),
};

/**
 * Steps against the sign of the gradient, each with a size of its own that grows
 * as long as the sign stays, and shrinks where it changes.
 *
 * ```text
 * s = sign(g gₚ)      Δ ← Δ η₊ where s > 0, Δ η₋ where s < 0, between the limits
 * g ← 0 where s < 0
 * θ ← θ - α/α₀ sign(g) Δ      gₚ = g
 * ```
 *
 * Δ starts at the base rate α₀, so that a constant rate is that of
 * `torch.optim.Rprop`; a schedule scales the steps.
 *
 * {@link https://doi.org/10.1109/ICNN.1993.298623 | Riedmiller and Braun, 1993}.
 *
 * @param options `lr` is 1e-2 by default.
 * @returns The transformation.
 */
export function rprop(options: RpropOptions = {}): tx.GradientTransformation {
  checkOptions("create Rprop", options, RULES);
  const { etas: [shrink, grow] = [0.5, 1.2] } = options;
  const { stepSizes: [least, most] = [1e-6, 50] } = options;
  if (least > most) {
    refuse("create Rprop", "stepSizes", "sorted", [least, most]);
  }
  const rate = tx.rateOf(options.lr, 1e-2),
    base = tx.baseRateOf(options.lr, 1e-2);
  return tx.chain(
    ...tx.clips(options),
    {
      defaultLr: 1e-2,
      ...tx.elementwise({
        slots: { before: 0, size: 0 },
        scalars: {
          start: (info) => info.t === 1 ? base(info) : 0,
          scale: (info) => base(info) > 0 ? -rate(info) / base(info) : -1,
        },
        update({ update: g, before, size }, { start, scale }) {
          const same = g.sign().mul(before.sign());
          const factor = same.select(grow, same.neg().select(shrink, 1));
          size = start.select(start, size).mul(factor).max(least).min(most);
          const kept = same.neg().select(0, g);
          return {
            update: kept.sign().mul(size).mul(scale),
            before: kept,
            size,
          };
        },
      }),
    },
  );
}

/**
 * The optimizer of {@linkcode rprop}.
 *
 * Take it for gradients of all data at once whose scale is bad: only their signs
 * count. Signs in small batches change by chance. It keeps two tensors for each
 * parameter.
 */
export class Rprop extends Optimizer<RpropOptions> {
  /** Create the optimizer. `lr` is 1e-2 by default. */
  constructor(options: RpropOptions = {}) {
    super(options, rprop);
  }
}
