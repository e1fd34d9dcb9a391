/**
 * The learning rate of a chain, and the options that all optimizers share.
 *
 * @module
 */
import type { GradientTransformation } from "./transformation.ts";
import { chain } from "./chain.ts";
import { clipByGlobalNorm, clipByValue } from "./clip.ts";
import { elementwise, type StepInfo } from "./elementwise.ts";
import { type LearningRate, LRScheduler } from "../schedulers/mod.ts";

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /**
   * The step size: a number, a scheduler, or a function of the steps already
   * taken. In a pure function, the default is the rate of the optimizer that
   * applies it.
   */
  readonly lr?: LearningRate | null | undefined;
  /** The greatest norm of all gradients together. Default: none. */
  readonly gradClipNorm?: number | null | undefined;
  /** The greatest absolute value of a gradient. Default: none. */
  readonly gradClipValue?: number | null | undefined;
}

/** The function from a step to its rate: `lr`, the optimizer's, or `fallback`. */
export function rateOf(
  lr: LearningRate | null | undefined,
  fallback: number,
): (info: StepInfo) => number {
  if (lr === undefined || lr === null) return (info) => info.lr ?? fallback;
  if (typeof lr === "number") return () => lr;
  if (lr instanceof LRScheduler) return () => lr.currentLrs[0]!;
  return ({ t }) => lr(t - 1);
}

/** The function from a step to the rate that its schedule started from. */
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
 * @param lr The rate. Default: that of the optimizer, or 1e-3.
 * @param fallback The rate where there is neither.
 * @returns The transformation.
 */
export function scaleByLearningRate(
  lr?: LearningRate | null,
  fallback = 1e-3,
): GradientTransformation {
  const rate = rateOf(lr, fallback);
  return elementwise({
    slots: {},
    scalars: { rate: (info) => -rate(info) },
    update: ({ update }, { rate }) => ({ update: update.mul(rate) }),
  });
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

/** `parts` between the clipping and the learning rate of `options`. */
export function pipeline(
  options: OptimizerOptions,
  lr: number,
  ...parts: readonly GradientTransformation[]
): GradientTransformation {
  return chain(
    ...clips(options),
    ...parts,
    scaleByLearningRate(options.lr, lr),
  );
}
