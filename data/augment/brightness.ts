/**
 * Images that are brighter or darker.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, checkOptions, type OptionRules } from "../../internal/check.ts";
import * as random from "../../random.ts";
import { stream } from "../../random/state.ts";
import { perExample, uniforms } from "./draws.ts";
import { checkFloats, type Images, sizesOf } from "./pixels.ts";

/** Options of {@linkcode randomBrightness}. */
export interface BrightnessOptions {
  /** The most by which the factor differs from 1. */
  readonly max: number;
  /** The stream to draw from. Default: `random.default`. */
  readonly random?: random.RandomState;
}

const RULES: OptionRules<BrightnessOptions> = {
  max: "in [0, 1]",
  random: stream,
};

const ACTION = "change the brightness of images";

/**
 * Each image multiplied by a factor from `1 - max` to `1 + max`. Values are not
 * clipped.
 *
 * @example Usage
 * ```ts
 * import { data, tf, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.ones<tf.Rank.R4>([1, 1, 1, 1]);
 * const [factor] = await data.randomBrightness(x, { max: 0.2 }).data();
 * assert(factor! >= 0.8 && factor! <= 1.2);
 * ```
 *
 * @param x The images, float32.
 * @param options See {@linkcode BrightnessOptions}.
 * @returns Images of the same shape.
 */
export function randomBrightness<T extends Images>(
  x: T,
  options: BrightnessOptions,
): T {
  const { count } = sizesOf(ACTION, x);
  checkFloats(ACTION, "the images", x);
  checkOptions(ACTION, options, RULES);
  check(ACTION, "max", options.max, RULES.max);
  const { max, random: stream = random.default } = options;
  const factors = uniforms(stream, count).map((u) => 1 + max * (2 * u - 1));
  return tf.tidy(() => tf.mul(x, perExample(factors, x)) as T);
}
