/**
 * Weight decay of what a step has led to.
 *
 * @module
 */
import type { LearningRate } from "../schedulers/to_scheduler.ts";
import { elementwise } from "./elementwise.ts";
import { rateOf } from "./learning_rate.ts";
import { matches } from "./mask.ts";
import type { WeightDecayOptions } from "./options.ts";
import type { GradientTransformation } from "./transformation.ts";

/**
 * The end of a chain: the rate, and then decoupled weight decay of the result.
 *
 * ```text
 * θ ← (1 - α λ) (θ - α u)
 * ```
 *
 * @param lr The rate as an option gives it.
 * @param fallback The rate where there is none.
 * @param decay The weight decay.
 * @param first The first step that decays. Default: 1.
 */
export function stepAndDecay(
  lr: LearningRate | null | undefined,
  fallback: number,
  { weightDecay = 0, decayMask }: WeightDecayOptions,
  first = 1,
): GradientTransformation {
  const rate = rateOf(lr, fallback);
  const tx = elementwise({
    scalars: {
      rate: (info) => rate(info),
      decay: (info) =>
        info.t >= first && matches(decayMask, info.path, info.shape)
          ? rate(info) * weightDecay
          : 0,
    },
    update({ update, param }, { rate, decay }) {
      const way = update.mul(rate);
      return { update: param.sub(way).mul(decay).add(way).neg() };
    },
  });
  return { ...tx, defaultLr: fallback };
}
