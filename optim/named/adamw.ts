/**
 * AdamW.
 *
 * @module
 */
import type { AdamOptions } from "./adam.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { checkOptions } from "../check.ts";
import { decayed } from "../transforms/decay.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { pipeline } from "../transforms/pipeline.ts";
import { scaleByAdam } from "../transforms/scale_by_adam.ts";

/** Options of {@linkcode adamw}. */
export interface AdamWOptions extends AdamOptions {}

/**
 * Adam with decoupled weight decay.
 *
 * ```text
 * θ ← θ - α (m̂ / (√v̂ + ε) + λ θ)      m̂, v̂ as in scaleByAdam
 * ```
 *
 * {@link https://arxiv.org/abs/1711.05101 | Loshchilov and Hutter, 2017}.
 *
 * @param options `lr` is 1e-3 by default, `weightDecay` 0.01.
 * @returns The transformation.
 */
export function adamw(options: AdamWOptions = {}): GradientTransformation {
  checkOptions("AdamW", options);
  const { weightDecay = 0.01, decayMask } = options;
  return pipeline(
    options,
    1e-3,
    scaleByAdam(options),
    ...decayed({ weightDecay, decayMask }),
  );
}

/** The optimizer of {@linkcode adamw}. */
export class AdamW extends Optimizer<AdamWOptions> {
  /**
   * An optimizer without parameters yet.
   *
   * @param options `lr` is 1e-3 by default, `weightDecay` 0.01.
   */
  constructor(options: AdamWOptions = {}) {
    super(options);
  }

  /** The transformation of the class. */
  protected override defaultTx(options: AdamWOptions): GradientTransformation {
    return adamw(options);
  }
}
