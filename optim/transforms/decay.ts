/**
 * Weight decay.
 *
 * @module
 */
import type { GradientTransformation } from "./transformation.ts";
import { check } from "../../internal/check.ts";
import {
  DECAY_RULES,
  mask as isMask,
  type WeightDecayOptions,
} from "./options.ts";
import { type Mask, matches } from "./mask.ts";
import { fromRules } from "./elementwise.ts";
import type { CompleteRule, StepInfo } from "./rule.ts";

/**
 * Add `weightDecay` times the parameters to the updates.
 *
 * Before a scaling such as {@linkcode scaleByAdam} this is an L2 penalty (coupled
 * decay); after it, decoupled decay.
 *
 * ```text
 * g ← g + λ θ
 * ```
 *
 * @param weightDecay λ.
 * @param mask Which parameters decay. Default: all.
 * @returns The transformation.
 */
export function addDecayedWeights(
  weightDecay: number,
  mask?: Mask,
): GradientTransformation {
  const action = "create addDecayedWeights";
  check(action, "weightDecay", weightDecay, DECAY_RULES.weightDecay);
  if (mask !== undefined) check(action, "mask", mask, isMask);
  // A rule for each factor: parameters with the same rule share its numbers.
  const [all, none] = [decayBy(weightDecay), decayBy(0)];
  return fromRules(
    (path, shape) => matches(mask, path, shape) ? all : none,
    { isUniform: true, sumsOverStep: false },
  );
}

function decayBy(factor: number): CompleteRule {
  return {
    slots: {},
    scalars: { decay: () => factor },
    update: ({ update, param }, { decay }) => ({
      update: update.add(param.mul(decay!)),
    }),
  };
}

/** The factor of the decay of a parameter, for rules that apply it themselves. */
export function decayOf(
  { weightDecay = 0, decayMask }: WeightDecayOptions,
): (info: StepInfo) => number {
  // Without a mask, the same for all parameters, which share its numbers.
  if (!decayMask) return () => weightDecay;
  return ({ path, shape }) => matches(decayMask, path, shape) ? weightDecay : 0;
}

/** {@linkcode addDecayedWeights} where `weightDecay` is above zero, else nothing. */
export function decayed(
  { weightDecay = 0, decayMask }: WeightDecayOptions,
): GradientTransformation[] {
  return weightDecay > 0 ? [addDecayedWeights(weightDecay, decayMask)] : [];
}
