/**
 * Stochastic gradient descent.
 *
 * @module
 */
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions, refuse } from "../check.ts";
import { decayed, type WeightDecayOptions } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { type OptimizerOptions, pipeline } from "../transforms/pipeline.ts";
import { trace } from "../transforms/trace.ts";

/** Options of {@linkcode sgd}. */
export interface SGDOptions extends OptimizerOptions, WeightDecayOptions {
  /** How much of the velocity is kept at each step. Default: 0. */
  readonly momentum?: number | undefined;
  /** Whether to look one step ahead; needs momentum. Default: false. */
  readonly nesterov?: boolean | undefined;
}

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
export function sgd(options: SGDOptions = {}): GradientTransformation {
  checkOptions("SGD", options);
  const { momentum = 0, nesterov = false } = options;
  if (nesterov && momentum === 0) {
    refuse(RangeError, "SGD", "momentum", "above 0 with nesterov", momentum);
  }
  return pipeline(
    options,
    1e-3,
    ...decayed(options),
    ...(momentum ? [trace({ decay: momentum, nesterov })] : []),
  );
}

/** The optimizer of {@linkcode sgd}. */
export class SGD extends Optimizer<SGDOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 1e-3 by default, `weightDecay` 0.
   */
  constructor(options: SGDOptions = {}) {
    super(options);
  }

  /** The transformation of the class. */
  protected override defaultTx(options: SGDOptions): GradientTransformation {
    return sgd(options);
  }
}
