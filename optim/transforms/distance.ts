/**
 * What rules that estimate the distance to the solution have in common.
 *
 * @module
 */
import {
  boolean,
  type OptionRules,
  rule,
  type ValueRule,
} from "../../internal/check.ts";
import { decayOf } from "./decay.ts";
import { rateOf } from "./learning_rate.ts";
import type { OptimizerOptions, WeightDecayOptions } from "./options.ts";
import type { StepInfo } from "./rule.ts";

/** Options of rules that estimate the distance to the solution. */
interface DistanceOptions {
  readonly d0?: number | undefined;
  readonly growthRate?: number | undefined;
  readonly useBiasCorrection?: boolean | undefined;
}

const atLeast1: ValueRule = rule(
  "a number of at least 1",
  (x) => typeof x === "number" && x >= 1,
  RangeError,
);

/** What options of rules that estimate the distance to the solution must be. */
export const DISTANCE_RULES: OptionRules<DistanceOptions> = {
  d0: "a positive finite number",
  growthRate: atLeast1,
  useBiasCorrection: boolean,
};

type Scalar = (info: StepInfo) => number;

/**
 * The scalars of such a rule: whether a parameter has taken a step before, the rate
 * with its correction, and the factor of the weight decay.
 */
export function distanceScalars(
  options: OptimizerOptions & WeightDecayOptions & DistanceOptions & {
    readonly betas: readonly [number, number];
  },
): { readonly isOld: Scalar; readonly rate: Scalar; readonly decay: Scalar } {
  const { betas: [b1, b2], useBiasCorrection = false } = options;
  const rate = rateOf(options.lr, 1);
  const correction = (t: number) => Math.sqrt(1 - b2 ** t) / (1 - b1 ** t);
  return {
    isOld: ({ t }) => t === 1 ? 0 : 1,
    rate: (info) => rate(info) * (useBiasCorrection ? correction(info.t) : 1),
    decay: decayOf(options),
  };
}
