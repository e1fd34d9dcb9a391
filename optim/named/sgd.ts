/**
 * Stochastic gradient descent.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode sgd}. */
export interface SGDOptions extends tx.OptimizerOptions, tx.WeightDecayOptions {
  /** The decay rate of the velocity. Default: 0. */
  readonly momentum?: number | undefined;
  /** Whether to look one step ahead; needs momentum. Default: false. */
  readonly nesterov?: boolean | undefined;
}

const RULES: OptionRules<SGDOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  momentum: "a nonnegative finite number",
  nesterov: boolean,
};

/**
 * Stochastic gradient descent, with momentum if asked for.
 *
 * ```text
 * g ← g + λ θ
 * b ← μ b + g      u = b, or with Nesterov's look ahead μ b + g
 * θ ← θ - α u
 * ```
 *
 * The rule of `torch.optim.SGD`.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function sgd(options: SGDOptions = {}): tx.GradientTransformation {
  checkOptions("create SGD", options, RULES);
  const { momentum = 0, nesterov = false } = options;
  if (nesterov && momentum === 0) {
    refuse("create SGD", "momentum", "above 0 with nesterov", momentum);
  }
  return tx.pipeline(
    options,
    1e-3,
    ...tx.decayed(options),
    ...(momentum ? [tx.trace({ decay: momentum, nesterov })] : []),
  );
}

/**
 * The optimizer of {@linkcode sgd}.
 *
 * Take it where few settings are to be tuned, or no memory is to be spent: without
 * `momentum` it keeps nothing between steps.
 */
export class SGD extends Optimizer<SGDOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: SGDOptions = {}) {
    super(options, sgd);
  }
}
