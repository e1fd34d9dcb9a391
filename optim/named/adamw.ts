/**
 * AdamW.
 *
 * @module
 */
import { checkOptions, pick } from "../../internal/check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { ADAM_RULES, type AdamOptions } from "./adam.ts";
import * as tx from "../transforms/mod.ts";

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
export function adamw(options: AdamWOptions = {}): tx.GradientTransformation {
  checkOptions("create AdamW", options, ADAM_RULES);
  const { weightDecay = 0.01, decayMask } = options;
  return tx.pipeline(
    options,
    1e-3,
    tx.scaleByAdam(pick(options, tx.SCALE_BY_ADAM_RULES)),
    ...tx.decayed({ weightDecay, decayMask }),
  );
}

/**
 * The optimizer of {@linkcode adamw}.
 *
 * Take it as a first try, and for transformers: weights decay alike, whatever the size
 * of their gradients. It keeps two tensors for each parameter.
 */
export class AdamW extends Optimizer<AdamWOptions> {
  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0.01. */
  constructor(options: AdamWOptions = {}) {
    super(options, adamw);
  }
}
