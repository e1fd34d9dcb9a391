/**
 * Fromage.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../check.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import { chain } from "../transforms/chain.ts";
import { elementwise } from "../transforms/elementwise.ts";
import { rateOf } from "../transforms/learning_rate.ts";
import {
  OPTIMIZER_RULES,
  type OptimizerOptions,
} from "../transforms/options.ts";
import { clips } from "../transforms/pipeline.ts";
import { trace } from "../transforms/trace.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { trustRatio } from "../transforms/trust_ratio.ts";

/** Options of {@linkcode fromage}. */
export interface FromageOptions extends OptimizerOptions {
  /** The decay rate of the velocity of gradients. Default: 0. */
  readonly momentum?: number | undefined;
}

const RULES: OptionRules<FromageOptions> = {
  ...OPTIMIZER_RULES,
  momentum: "a nonnegative finite number",
};

/**
 * Steps of a fixed length in norms of each parameter, which do not make it grow.
 *
 * ```text
 * θ ← (θ - α ‖θ‖ / ‖g‖ g) / √(1 + α²)      the ratio is 1 where a norm is 0
 * ```
 *
 * With momentum, g is a decaying sum of gradients ({@linkcode trace}).
 *
 * {@link https://arxiv.org/abs/2002.03432 | Bernstein et al., 2020}.
 *
 * @param options `lr` is 1e-2 by default.
 * @returns The transformation.
 */
export function fromage(options: FromageOptions = {}): GradientTransformation {
  checkOptions("create Fromage", options, RULES);
  const { momentum = 0 } = options;
  const rate = rateOf(options.lr, 1e-2);
  const shrink = (lr: number) => 1 / Math.sqrt(1 + lr * lr);
  return chain(
    ...clips(options),
    ...(momentum ? [trace({ decay: momentum })] : []),
    {
      defaultLr: 1e-2,
      ...elementwise({
        scalars: {
          length: (info) => rate(info) * shrink(rate(info)),
          growth: (info) => shrink(rate(info)) - 1,
        },
        update: ({ update: g, param }, { length, growth }) => ({
          update: param.mul(growth).sub(
            g.mul(trustRatio(param, g).mul(length)),
          ),
        }),
      }),
    },
  );
}

/** The optimizer of {@linkcode fromage}. */
export class Fromage extends Optimizer<FromageOptions> {
  /** Create the optimizer. `lr` is 1e-2 by default. */
  constructor(options: FromageOptions = {}) {
    super(options, fromage);
  }
}
