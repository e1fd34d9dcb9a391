/**
 * Gradient centralization.
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

/** Options of {@linkcode gradientCentralization}. */
export interface GradientCentralizationOptions
  extends tx.OptimizerOptions, BaseOptions {
  /** Which parameters. Default: {@linkcode isMatrix}. */
  readonly centralizeMask?: tx.Mask | undefined;
}

const RULES: OptionRules<GradientCentralizationOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...BASE_RULES,
  centralizeMask: tx.mask,
};

/**
 * Another optimizer, which is given gradients with a mean of zero.
 *
 * See {@linkcode centralize} for the rule.
 *
 * @param options `lr` is for the class.
 * @returns The transformation.
 */
export function gradientCentralization(
  options: GradientCentralizationOptions,
): tx.GradientTransformation {
  const action = "create GradientCentralization";
  checkOptions(action, options, RULES);
  const base = baseTx(action, options);
  return tx.chain(
    ...tx.clips(options),
    tx.centralize(options.centralizeMask),
    base,
  );
}

/**
 * The optimizer of {@linkcode gradientCentralization}.
 *
 * Take it around an optimizer that trains a convolutional network, for smoother training.
 * With a base such as SGD, the weights of an output keep the mean that they start with.
 * Leave out embeddings by `centralizeMask`. It keeps what the other one does.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * const baseOptimizer = new optim.Momentum({ lr: 0.1 });
 * new optim.GradientCentralization({ baseOptimizer });
 * ```
 */
export class GradientCentralization
  extends AroundOptimizer<GradientCentralizationOptions> {
  /**
   * Create the optimizer.
   *
   * @param options `lr` is that of the base optimizer by default, or 1e-3 for a
   * transformation without a rate of its own.
   */
  constructor(options: GradientCentralizationOptions) {
    super(options, gradientCentralization);
  }
}
