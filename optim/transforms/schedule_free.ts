/**
 * The average of points that Schedule-Free optimizers make.
 *
 * @module
 */
import type { LearningRate } from "../schedulers/to_scheduler.ts";
import type { OptionRules } from "../../internal/check.ts";
import { elementwise } from "./elementwise.ts";
import { rateOf } from "./learning_rate.ts";
import type { StepInfo } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of Schedule-Free optimizers. */
export interface ScheduleFreeOptions {
  /** The number of first steps with a rate that rises in proportion. Default: 0. */
  readonly warmupSteps?: number | undefined;
  /** The power r of the step in its weight in the average x. Default: 0. */
  readonly r?: number | undefined;
  /** The power p of the greatest rate so far in that weight. Default: 2. */
  readonly weightLrPower?: number | undefined;
}

/** What {@linkcode ScheduleFreeOptions} must be. */
export const SCHEDULE_FREE_RULES: OptionRules<ScheduleFreeOptions> = {
  warmupSteps: "a nonnegative integer",
  r: "a nonnegative finite number",
  weightLrPower: "a nonnegative finite number",
};

/**
 * The last part of Schedule-Free optimizers: from steps of z to those of y, which are the
 * parameters.
 *
 * ```text
 * z' = z - α u      x' = (1 - c) x + c z'      y' = β x' + (1 - β) z'
 * y' - y = c (z - y) - α (1 - β + β c) u
 * ```
 *
 * @param lr The rate as an option gives it.
 * @param fallback The rate where there is none.
 * @param options See {@linkcode ScheduleFreeOptions}.
 * @param beta β.
 */
export function followAverage(
  lr: LearningRate | null | undefined,
  fallback: number,
  { warmupSteps = 0, r = 0, weightLrPower = 2 }: ScheduleFreeOptions,
  beta: number,
): GradientTransformation {
  const full = rateOf(lr, fallback);
  const rate = (info: StepInfo) =>
    full(info) * (info.t <= warmupSteps ? info.t / warmupSteps : 1);
  return elementwise({
    slots: { z: 0, weightSum: { one: 0 }, greatest: { one: 0 } },
    scalars: {
      isFirst: ({ t }) => t === 1 ? 1 : 0,
      rate,
      power: (info) => rate(info) ** weightLrPower,
      growth: ({ t }) => t ** r,
    },
    update({ update: u, param: y, z, weightSum, greatest }, s) {
      z = s.isFirst.select(y, z);
      // The greatest of the rates to a power is the power of the greatest rate.
      greatest = greatest.max(s.power);
      const weight = s.growth.mul(greatest);
      weightSum = weightSum.add(weight);
      const c = weightSum.select(weight.div(weightSum), 0);
      const length = c.mul(beta).add(1 - beta).mul(s.rate);
      return {
        update: z.sub(y).mul(c).sub(u.mul(length)),
        z: z.sub(u.mul(s.rate)),
        weightSum,
        greatest,
      };
    },
  });
}
