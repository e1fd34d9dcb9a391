/**
 * Initializers that draw from one distribution for all shapes.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { checkOptions, type OptionRules, refuse } from "../../check.ts";
import * as random from "../../random.ts";
import type { RandomState } from "../../random.ts";
import type { Initializer } from "./initializer.ts";

/** Options of {@linkcode Normal}. */
export interface NormalOptions {
  /** The mean. Default: 0. */
  readonly mean?: number;
  /** The standard deviation. Default: 1. */
  readonly std?: number;
}

/** Options of {@linkcode TruncatedNormal}. */
export interface TruncatedNormalOptions {
  /** The mean. Default: 0. */
  readonly mean?: number;
  /** The standard deviation before truncation. Default: 1. */
  readonly std?: number;
  /** The lower bound, in standard deviations from the mean. Default: -2. */
  readonly lower?: number;
  /** The upper bound, in standard deviations from the mean. Default: 2. */
  readonly upper?: number;
}

/** Options of {@linkcode Uniform}. */
export interface UniformOptions {
  /** The lower bound. Default: 0. */
  readonly min?: number;
  /** The upper bound. Default: 1. */
  readonly max?: number;
}

const NORMAL: OptionRules<NormalOptions> = {
  mean: "a finite number",
  std: "a nonnegative finite number",
};
const TRUNCATED_NORMAL: OptionRules<TruncatedNormalOptions> = {
  ...NORMAL,
  lower: "a number",
  upper: "a number",
};
const UNIFORM: OptionRules<UniformOptions> = {
  min: "a finite number",
  max: "a finite number",
};

/** Normal numbers. */
export class Normal implements Initializer {
  readonly #options: NormalOptions;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode NormalOptions}.
   */
  constructor(options: NormalOptions = {}) {
    checkOptions("create Normal", options, NORMAL);
    this.#options = { ...options };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    return draw("normal", shape, this.#options, random);
  }
}

/** Normal numbers between two bounds. */
export class TruncatedNormal implements Initializer {
  readonly #options: TruncatedNormalOptions;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode TruncatedNormalOptions}.
   */
  constructor(options: TruncatedNormalOptions = {}) {
    checkOptions("create TruncatedNormal", options, TRUNCATED_NORMAL);
    const { lower = -2, upper = 2 } = options;
    if (!(lower < upper)) {
      refuse("create TruncatedNormal", "lower", `below upper, ${upper}`, lower);
    }
    this.#options = { ...options };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    return draw("truncatedNormal", shape, this.#options, random);
  }
}

/** Uniform numbers in `[min, max)`. */
export class Uniform implements Initializer {
  readonly #options: UniformOptions;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode UniformOptions}.
   */
  constructor(options: UniformOptions = {}) {
    checkOptions("create Uniform", options, UNIFORM);
    const { min = 0, max = 1 } = options;
    if (!(min <= max)) {
      refuse("create Uniform", "min", `at most max, ${max}`, min);
    }
    this.#options = { ...options };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    return draw("uniform", shape, this.#options, random);
  }
}

/** Draws from a distribution with a stream, by default the default one. */
export function draw(
  distribution: "normal" | "truncatedNormal" | "uniform",
  shape: readonly number[],
  options: NormalOptions | TruncatedNormalOptions | UniformOptions,
  stream: RandomState = random.default,
): tf.Tensor {
  return random[distribution]([...shape] as tf.ShapeMap[tf.Rank], {
    ...options,
    random: stream,
  });
}
