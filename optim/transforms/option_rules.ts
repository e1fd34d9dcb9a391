/**
 * What options must be that several transformations have: the same name means the
 * same everywhere.
 *
 * @module
 */
import {
  type OptionRules,
  orNull,
  pair,
  rule,
  type ValueRule,
} from "../../check.ts";
import { learningRate } from "../schedulers/to_scheduler.ts";
import type { WeightDecayOptions } from "./decay.ts";
import type { OptimizerOptions } from "./pipeline.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Two decay rates of running means. */
export const betas: ValueRule = pair("in [0, 1)", "in [0, 1)");

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

/** The options of every optimizer. */
export const OPTIMIZER_RULES: OptionRules<OptimizerOptions> = {
  lr: orNull(learningRate),
  gradClipNorm: orNull("a positive finite number"),
  gradClipValue: orNull("a positive finite number"),
};

/** The options of optimizers that can decay weights. */
export const DECAY_RULES: OptionRules<WeightDecayOptions> = {
  weightDecay: "a nonnegative finite number",
  decayMask: mask,
};
