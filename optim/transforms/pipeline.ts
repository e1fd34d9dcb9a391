/**
 * The options that every optimizer has, and what they add to its transformation.
 *
 * @module
 */
import type { LearningRate } from "../schedulers/mod.ts";
import { chain } from "./chain.ts";
import { clipByGlobalNorm, clipByValue } from "./clip.ts";
import { scaleByLearningRate } from "./learning_rate.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /**
   * The learning rate: a number, a scheduler, or a function of the number of steps
   * already taken. In a pure function, the default is the rate of the optimizer
   * that applies it.
   */
  readonly lr?: LearningRate | null | undefined;
  /** The greatest norm of all gradients together. Default: none. */
  readonly gradClipNorm?: number | null | undefined;
  /** The greatest absolute value of a gradient. Default: none. */
  readonly gradClipValue?: number | null | undefined;
}

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
