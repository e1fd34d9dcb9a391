/**
 * What the options of every optimizer add to its transformation.
 *
 * @module
 */
import { checkOptions, type OptionRules, pick } from "../../internal/check.ts";
import { chain } from "./chain.ts";
import { clipByGlobalNorm, clipByValue, countInGlobalNorm } from "./clip.ts";
import { scaleByLearningRate } from "./learning_rate.ts";
import { decayed } from "./decay.ts";
import {
  DECAY_RULES,
  OPTIMIZER_RULES,
  type OptimizerOptions,
  type WeightDecayOptions,
} from "./options.ts";
import type { GradientTransformation } from "./transformation.ts";

/** The transformations that `gradClipNorm` and `gradClipValue` ask for. */
export function clips(
  { gradClipNorm, gradClipValue }: OptimizerOptions,
): GradientTransformation[] {
  return [
    ...(gradClipNorm ? [clipByGlobalNorm(gradClipNorm)] : []),
    ...(gradClipValue ? [clipByValue(gradClipValue)] : []),
  ];
}

/** As {@linkcode clips}; without `gradClipNorm`, the gradients count in that of others. */
export function countedClips(
  { gradClipNorm, gradClipValue }: OptimizerOptions,
): GradientTransformation[] {
  return gradClipNorm
    ? clips({ gradClipNorm, gradClipValue })
    : [countInGlobalNorm(), ...clips({ gradClipValue })];
}

/**
 * `parts` between the clipping and the learning rate that `options` ask for.
 *
 * @param options The options of an optimizer.
 * @param defaultLr The rate where neither they nor an optimizer have one.
 * @param parts What the optimizer does with clipped gradients.
 */
export function pipeline(
  options: OptimizerOptions,
  defaultLr: number,
  ...parts: readonly GradientTransformation[]
): GradientTransformation {
  const rate = scaleByLearningRate(options.lr, defaultLr);
  return chain(...clips(options), ...parts, rate);
}

/**
 * An optimizer of one transformation: an L2 penalty, `scale` and the learning rate.
 *
 * @param name The class, for errors.
 * @param options Those of every optimizer, and those of `scale`.
 * @param defaultLr The rate where neither they nor an optimizer have one.
 * @param scale What is done with the gradients.
 * @param rules What the options of `scale` must be.
 */
export function coupled<S extends object>(
  name: string,
  options: OptimizerOptions & WeightDecayOptions & NoInfer<S>,
  defaultLr: number,
  scale: (options: S) => GradientTransformation,
  rules: OptionRules<S>,
): GradientTransformation {
  checkOptions<object>(`create ${name}`, options, {
    ...OPTIMIZER_RULES,
    ...DECAY_RULES,
    ...rules,
  });
  const own = scale(pick<S>(options, rules));
  return pipeline(options, defaultLr, ...decayed(options), own);
}
