/**
 * The learning rate as the last transformation of a chain.
 *
 * @module
 */
import { check, orNull } from "../../internal/check.ts";
import { LRScheduler } from "../schedulers/scheduler.ts";
import { type LearningRate, learningRate } from "../schedulers/to_scheduler.ts";
import { elementwise } from "./elementwise.ts";
import type { StepInfo } from "./rule.ts";
import type { GradientTransformation } from "./transformation.ts";

/**
 * The function from a step to its learning rate, for a transformation that uses
 * the rate in another way than {@linkcode scaleByLearningRate} does.
 *
 * @example A step of fixed length
 * ```ts
 * import { optim } from "@braintape/braintape";
 *
 * function signDescent({ lr }: optim.OptimizerOptions = {}) {
 *   const rate = optim.rateOf(lr, 1e-3);
 *   return optim.elementwise({
 *     scalars: { rate: (info) => -rate(info) },
 *     update: ({ update }, { rate }) => ({ update: update.sign().mul(rate) }),
 *   });
 * }
 * new optim.Optimizer({ tx: signDescent(), lr: 0.01 });
 * ```
 *
 * @param lr The rate as an option gives it. Default: the rate of the optimizer that
 * applies the transformation.
 * @param fallback The rate where there is no optimizer either.
 * @returns A function for the `scalars` of {@linkcode elementwise}.
 */
export function rateOf(
  lr: LearningRate | null | undefined,
  fallback: number,
): (info: StepInfo) => number {
  if (lr === undefined || lr === null) return (info) => info.lr ?? fallback;
  if (typeof lr === "number") return () => lr;
  if (lr instanceof LRScheduler) return () => lr.currentLrs[0]!;
  return ({ t }) => lr(t - 1);
}

/** As {@linkcode rateOf}, for the rate that the schedule started from. */
export function baseRateOf(
  lr: LearningRate | null | undefined,
  fallback: number,
): (info: StepInfo) => number {
  if (lr === undefined || lr === null) {
    return (info) => info.baseLr ?? fallback;
  }
  if (lr instanceof LRScheduler) return () => lr.baseLrOf(0);
  return () => typeof lr === "number" ? lr : lr(0);
}

/**
 * Multiply updates by minus the learning rate.
 *
 * ```text
 * u ← -α u
 * ```
 *
 * @param lr The rate α. Default: that of the optimizer, or `fallback`.
 * @param fallback The rate where there is neither. Default: 1e-3.
 * @returns The transformation.
 */
export function scaleByLearningRate(
  lr?: LearningRate | null,
  fallback = 1e-3,
): GradientTransformation {
  const action = "create scaleByLearningRate";
  if (lr !== undefined) check(action, "lr", lr, orNull(learningRate));
  check(action, "fallback", fallback, "a nonnegative finite number");
  const rate = rateOf(lr, fallback);
  const tx = elementwise({
    scalars: { rate: (info) => -rate(info) },
    update: ({ update }, { rate }) => ({ update: update.mul(rate) }),
  });
  return { ...tx, defaultLr: fallback };
}
