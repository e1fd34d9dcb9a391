/**
 * What the options of every optimizer add to its transformation.
 *
 * @module
 */
import { chain } from "./chain.ts";
import { clipByGlobalNorm, clipByValue } from "./clip.ts";
import { scaleByLearningRate } from "./learning_rate.ts";
import type { OptimizerOptions } from "./options.ts";
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
