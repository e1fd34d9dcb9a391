/**
 * Schedule-Free SGD.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import {
  AveragingOptimizer,
  interpolates,
} from "../optimizer/averaging_optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode scheduleFreeSgd}. */
export interface ScheduleFreeSGDOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, tx.ScheduleFreeOptions {
  /** The share β of x in the point y, in (0, 1). Default: 0.9. */
  readonly momentum?: number | undefined;
}

const RULES: OptionRules<ScheduleFreeSGDOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...tx.SCHEDULE_FREE_RULES,
  momentum: "in (0, 1)",
};

/**
 * Stochastic gradient descent with an average of its points in place of a schedule.
 *
 * ```text
 * α = lr min(1, t / warmupSteps)      w = tʳ (greatest α so far)ᵖ      c = w / Σ w
 * g ← g + λ y      at y
 * z ← z - α g      x ← (1 - c) x + c z      y ← β x + (1 - β) z
 * ```
 *
 * Parameters are y, and x is not kept: it follows from y and z. At the first step all
 * three are the parameters.
 *
 * {@link https://arxiv.org/abs/2405.15682 | Defazio et al., 2024}, as in their package
 * `schedulefree`.
 *
 * @param options `lr` is 1 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function scheduleFreeSgd(
  options: ScheduleFreeSGDOptions = {},
): tx.GradientTransformation {
  checkOptions("create ScheduleFreeSGD", options, RULES);
  const { lr, momentum = 0.9 } = options;
  const whole = tx.chain(
    ...tx.clips(options),
    ...tx.decayed(options),
    tx.followAverage(lr, 1, options, momentum),
  );
  return interpolates({ ...whole, defaultLr: 1 }, momentum);
}

/**
 * The optimizer of {@linkcode scheduleFreeSgd}.
 *
 * Take it in place of {@linkcode Momentum} with a schedule where the number of steps is
 * not known beforehand: there is nothing to decay. Its authors take rates 10 to 50
 * times as large, and `warmupSteps`. It keeps one tensor for each parameter.
 * Call `swap` before and after an evaluation; `fit` does.
 *
 * @example Train at y, evaluate at x
 * ```ts
 * import { optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.tensor1d([5]));
 * using optimizer = new optim.ScheduleFreeSGD({ lr: 0.5 })
 *   .registerTrainableWeights({ w });
 * // The gradient of (w - 3)² / 2.
 * for (let k = 0; k < 50; k++) optimizer.step({ w: tf.sub(w.value, 3) });
 * optimizer.swap();
 * assertAlmostEquals((await w.value.data())[0]!, 3, 0.1);
 * optimizer.swap(); // and training may go on
 * ```
 */
export class ScheduleFreeSGD
  extends AveragingOptimizer<ScheduleFreeSGDOptions> {
  /** Create the optimizer. `lr` is 1 by default, `weightDecay` 0. */
  constructor(options: ScheduleFreeSGDOptions = {}) {
    super(options, scheduleFreeSgd);
  }
}
