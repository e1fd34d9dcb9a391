/**
 * Averaged stochastic gradient descent.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import {
  AveragingOptimizer,
  withAverage,
} from "../optimizer/averaging_optimizer.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode asgd}. */
export interface AsgdOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions {
  /** How fast the rate falls, and how fast weights decay. Default: 1e-4. */
  readonly lambda?: number | undefined;
  /** The power with which the rate falls. Default: 0.75. */
  readonly alpha?: number | undefined;
  /** The step from which on points are averaged. Default: 1e6. */
  readonly t0?: number | undefined;
}

const RULES: OptionRules<AsgdOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  lambda: "a nonnegative finite number",
  alpha: "a nonnegative finite number",
  t0: "a nonnegative finite number",
};

/**
 * Stochastic gradient descent with the average of its points.
 *
 * ```text
 * g ← g + λ θ      with weight decay
 * η = lr / (1 + lambda · lr · (t - 1))^alpha
 * θ ← θ - η (g + lambda · θ)
 * x ← x + μ (θ - x)      μ = 1 / max(1, t - 1 - t0)
 * ```
 *
 * {@link https://doi.org/10.1137/0330046 | Polyak and Juditsky, 1992}, as in
 * `torch.optim.ASGD`.
 *
 * @param options `lr` is 1e-2 by default, `weightDecay` 0.
 * @returns The transformation.
 */
export function asgd(options: AsgdOptions = {}): tx.GradientTransformation {
  checkOptions("create Asgd", options, RULES);
  const { lambda = 1e-4, alpha = 0.75, t0 = 1e6 } = options;
  const rate = tx.rateOf(options.lr, 1e-2);
  const step = tx.elementwise({
    slots: { average: "param" },
    scalars: {
      eta: (info) =>
        rate(info) / (1 + lambda * rate(info) * (info.t - 1)) ** alpha,
      share: ({ t }) => 1 / Math.max(1, t - 1 - t0),
      // 0 until there are several points to average.
      isMean: ({ t }) => t - 1 - t0 > 1 ? 1 : 0,
    },
    update({ update: g, param, average }, { eta, share, isMean }) {
      const update = g.add(param.mul(lambda)).mul(eta).neg();
      const next = param.add(update);
      average = isMean.select(average.lerp(next, share), next);
      return { update, average };
    },
  });
  const whole = tx.chain(...tx.clips(options), ...tx.decayed(options), step);
  return withAverage(
    { ...whole, defaultLr: 1e-2 },
    (_, slot) => slot("average"),
  );
}

/**
 * The optimizer of {@linkcode asgd}.
 *
 * Take it where the noise of small batches keeps parameters from settling: set `t0` to
 * the step at which they have come near. It keeps one tensor for each parameter. Call
 * `swap` before and after an evaluation of the average; `fit` does.
 *
 * @example The average of noisy steps
 * ```ts
 * import { optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.tensor1d([5]));
 * using optimizer = new optim.Asgd({ lr: 0.5, t0: 20 })
 *   .registerTrainableWeights({ w });
 * for (let k = 0; k < 200; k++) {
 *   const noise = k % 2 ? 1 : -1;
 *   optimizer.step({ w: tf.sub(w.value, 3 + noise) });
 * }
 * optimizer.swap();
 * assertAlmostEquals((await w.value.data())[0]!, 3, 0.01);
 * optimizer.swap(); // and training may go on
 * ```
 */
export class Asgd extends AveragingOptimizer<AsgdOptions> {
  /** Create the optimizer. `lr` is 1e-2 by default, `weightDecay` 0. */
  constructor(options: AsgdOptions = {}) {
    super(options, asgd);
  }
}
