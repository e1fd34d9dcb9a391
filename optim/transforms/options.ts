/**
 * The options that several transformations and all optimizers have, and what they
 * must be: the same name means the same everywhere.
 *
 * @module
 */
import {
  type OptionRules,
  orNull,
  pair,
  rule,
  type ValueRule,
} from "../../internal/check.ts";
import { type LearningRate, learningRate } from "../schedulers/to_scheduler.ts";
import type { Mask } from "./mask.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Two decay rates of running means. */
export const betas: ValueRule = pair("in [0, 1)", "in [0, 1)");

/** Options of transformations that keep two running means. */
export interface MomentsOptions {
  /**
   * Decay rates of the running means of gradients and of their squares (or of what
   * the rule has in place of squares). Default: [0.9, 0.999].
   */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the denominator. Default: 1e-8, if the rule says nothing else. */
  readonly eps?: number | undefined;
}

/** What {@linkcode MomentsOptions} must be. */
export const MOMENTS_RULES: OptionRules<MomentsOptions> = {
  betas,
  eps: "a nonnegative finite number",
};

/** Which parameters something applies to: see `Mask`. */
export const mask: ValueRule = rule(
  "a regular expression or a function",
  (x) => x instanceof RegExp || typeof x === "function",
);

/** Whether `x` is a {@linkcode GradientTransformation}. */
export function isTransformation(x: unknown): x is GradientTransformation {
  const { init, update } = Object(x) as Partial<GradientTransformation>;
  return typeof init === "function" && typeof update === "function";
}

/** A {@linkcode GradientTransformation}. */
export const transformation: ValueRule = rule(
  "a gradient transformation",
  isTransformation,
);

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /**
   * The learning rate: a number, a scheduler, or a function of the number of steps
   * already taken. In a pure function, the default is the rate of the optimizer
   * that applies it.
   */
  readonly lr?: LearningRate | null | undefined;
  /**
   * The greatest norm of all gradients of a step together, those of groups that are
   * not clipped included. Default: none.
   */
  readonly gradClipNorm?: number | null | undefined;
  /** The greatest absolute value of a gradient. Default: none. */
  readonly gradClipValue?: number | null | undefined;
}

/** What {@linkcode OptimizerOptions} must be. */
export const OPTIMIZER_RULES: OptionRules<OptimizerOptions> = {
  lr: orNull(learningRate),
  gradClipNorm: orNull("a positive finite number"),
  gradClipValue: orNull("a positive finite number"),
};

/** Options of optimizers that can decay weights. */
export interface WeightDecayOptions {
  /** The factor λ of the decay. Default: 0, if the rule says nothing else. */
  readonly weightDecay?: number | undefined;
  /** Which parameters decay. Default: all. */
  readonly decayMask?: Mask | undefined;
}

/** What {@linkcode WeightDecayOptions} must be. */
export const DECAY_RULES: OptionRules<WeightDecayOptions> = {
  weightDecay: "a nonnegative finite number",
  decayMask: mask,
};
