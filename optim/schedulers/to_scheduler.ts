import { checkNumber, show } from "./checks.ts";
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
  if (lr instanceof LRScheduler) return lr;
  if (typeof lr === "number") {
    checkNumber("make a scheduler", "lr", lr, "a nonnegative finite number");
    return new ConstantLR({ baseLr: lr, factor: 1, totalIters: 0 });
  }
  if (typeof lr === "function") {
    return new LambdaLR({ baseLr: 1, lrLambda: lr });
  }
  throw new TypeError(
    `Cannot make a scheduler: lr must be a number, a scheduler or a function: current value is ${
      show(lr)
    }`,
  );
}
