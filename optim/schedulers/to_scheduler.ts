import { check, faultOf, type ValueRule } from "../../internal/check.ts";
import { ConstantLR } from "./constant_lr.ts";
import { LambdaLR } from "./lambda_lr.ts";
import { LRScheduler } from "./scheduler.ts";

/**
 * A learning rate: a number, a scheduler, or a function of the number of steps
 * already taken, 0 at the first.
 */
export type LearningRate = number | LRScheduler | ((step: number) => number);

/**
 * The scheduler of a learning rate: a number stays as it is
 * ({@linkcode ConstantLR}), a function gives the rate ({@linkcode LambdaLR} with a
 * base rate of 1), a scheduler is itself.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(optim.toScheduler(0.1).lrAt(100), 0.1);
 * assertEquals(optim.toScheduler((step) => 1 / (1 + step)).lrAt(3), 0.25);
 * ```
 *
 * @param lr The learning rate.
 * @returns Its scheduler.
 */
export function toScheduler(lr: LearningRate): LRScheduler {
  check("make a scheduler", "lr", lr, learningRate);
  if (lr instanceof LRScheduler) return lr;
  return typeof lr === "number"
    ? new ConstantLR({ baseLr: lr, factor: 1, totalIters: 0 })
    : new LambdaLR({ baseLr: 1, lrLambda: lr });
}

/** What a {@linkcode LearningRate} must be. */
export const learningRate: ValueRule = (value) => {
  if (typeof value === "number") {
    return faultOf("a nonnegative finite number", value);
  }
  if (typeof value === "function" || value instanceof LRScheduler) {
    return undefined;
  }
  const rule = "a number, a scheduler or a function";
  return { at: "", rule, value, error: TypeError };
};
