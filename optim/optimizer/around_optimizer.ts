/**
 * What optimizers around another one have in common.
 *
 * @module
 */
import {
  check,
  checkObject,
  type OptionRules,
  rule,
} from "../../internal/check.ts";
import {
  isTransformation,
  type OptimizerOptions,
} from "../transforms/options.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { AveragingOptimizer, isAveraging } from "./averaging_optimizer.ts";
import { lossUseOf } from "./needs_loss.ts";
import { Optimizer } from "./optimizer.ts";

/** The option that all of them have. */
export interface BaseOptions {
  /**
   * The other optimizer, or its transformation. One that averages its points is refused,
   * since it would not find them, and so is one that evaluates the loss itself.
   */
  readonly baseOptimizer: Optimizer<OptimizerOptions> | GradientTransformation;
}

/** What {@linkcode BaseOptions} must be. */
export const BASE_RULES: OptionRules<BaseOptions> = {
  baseOptimizer: rule(
    "an optimizer that takes gradients alone and averages no points, or a gradient transformation",
    (x) =>
      x instanceof Optimizer && !(x instanceof AveragingOptimizer) &&
        !lossUseOf(x) ||
      isTransformation(x) && !(x instanceof Optimizer) && !isAveraging(x),
  ),
};

/** The transformation of `baseOptimizer`, which must be given. */
export function baseTx(
  action: string,
  { baseOptimizer: base }: BaseOptions,
): GradientTransformation {
  check(action, "baseOptimizer", base, BASE_RULES.baseOptimizer);
  return base instanceof Optimizer ? base.tx : base;
}

/**
 * The base of optimizers around another one, whose rate they take.
 *
 * @typeParam O The options.
 */
export abstract class AroundOptimizer<
  O extends OptimizerOptions & BaseOptions,
> extends Optimizer<O> {
  /**
   * Create an optimizer; it has no parameters yet.
   *
   * @param options `lr` is that of the base optimizer by default, or 1e-3 for a
   * transformation without a rate of its own.
   * @param make The transformation of the class.
   */
  constructor(
    options: NoInfer<O>,
    make: (options: O) => GradientTransformation,
  ) {
    checkObject(`create ${new.target.name}`, options);
    const { baseOptimizer: base } = options;
    const lr = base instanceof Optimizer ? base.lrScheduler : undefined;
    super({ ...options, lr: options.lr ?? lr }, make);
  }
}
