/**
 * Initializers that draw from a distribution as it is.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import * as random from "../../random.ts";
import type { RandomState } from "../../random.ts";
import type { Initializer } from "./initializer.ts";

/** Normal numbers. */
export class Normal implements Initializer {
  readonly #options: { readonly mean: number; readonly std: number };

  /** Take `mean`, 0 by default, and `std`, 1 by default. */
  constructor({ mean = 0, std = 1 }: { mean?: number; std?: number } = {}) {
    this.#options = { mean, std };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    return draw("normal", shape, this.#options, random);
  }
}

/** Normal numbers, cut off `lower` and `upper` standard deviations from the mean. */
export class TruncatedNormal implements Initializer {
  readonly #options: TruncatedNormalOptions;

  /** See {@linkcode TruncatedNormalOptions}. */
  constructor(options: TruncatedNormalOptions = {}) {
    this.#options = options;
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    return draw("truncatedNormal", shape, this.#options, random);
  }
}

/** Options of {@linkcode TruncatedNormal}. */
export interface TruncatedNormalOptions {
  /** Default: 0. */
  readonly mean?: number;

  /** Of the normal distribution before it is cut. Default: 1. */
  readonly std?: number;

  /** In standard deviations. Default: -2. */
  readonly lower?: number;

  /** In standard deviations. Default: 2. */
  readonly upper?: number;
}

/** Uniform numbers in `[min, max)`. */
export class Uniform implements Initializer {
  readonly #options: { readonly min: number; readonly max: number };

  /** Take `min`, 0 by default, and `max`, 1 by default. */
  constructor({ min = 0, max = 1 }: { min?: number; max?: number } = {}) {
    this.#options = { min, max };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    return draw("uniform", shape, this.#options, random);
  }
}

/** Numbers of a distribution, from `stream` or the default one. */
export function draw(
  distribution: "normal" | "truncatedNormal" | "uniform",
  shape: readonly number[],
  options: Record<string, number> | TruncatedNormalOptions,
  stream: RandomState = random.default,
): tf.Tensor {
  return random[distribution]([...shape] as tf.ShapeMap[tf.Rank], {
    ...options,
    random: stream,
  });
}
