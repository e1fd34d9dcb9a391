/**
 * Initializers that draw from one distribution for all shapes.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import * as random from "../../random.ts";
import type { RandomState } from "../../random.ts";
import {
  checkDistribution,
  type Distribution,
} from "../../random/distributions.ts";
import type { Initializer } from "./initializer.ts";

/** Options of {@linkcode Normal}. */
export type NormalOptions = Omit<random.NormalOptions, "random">;

/** Options of {@linkcode TruncatedNormal}. */
export type TruncatedNormalOptions = Omit<
  random.TruncatedNormalOptions,
  "random"
>;

/** Options of {@linkcode Uniform}. */
export type UniformOptions = Omit<random.UniformOptions, "random">;

/**
 * An initializer that draws from one distribution.
 *
 * @typeParam O The options of the distribution.
 */
export abstract class Drawn<O extends object> implements Initializer {
  /** The name of the distribution. */
  static readonly distribution: Distribution;
  readonly #options: O;

  /**
   * Keep the settings.
   *
   * @param options The parameters of the distribution.
   */
  constructor(options: O = {} as O) {
    const { name, distribution } = new.target as unknown as typeof Drawn;
    checkDistribution(`create ${name}`, distribution, options);
    this.#options = { ...options };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    const { distribution } = this.constructor as typeof Drawn;
    return draw(distribution, shape, this.#options, random);
  }
}

/** Normal numbers. */
export class Normal extends Drawn<NormalOptions> {
  /** The name of the distribution. */
  static override readonly distribution = "normal";
}

/** Normal numbers between two bounds. */
export class TruncatedNormal extends Drawn<TruncatedNormalOptions> {
  /** The name of the distribution. */
  static override readonly distribution = "truncatedNormal";
}

/** Uniform numbers in `[min, max)`. */
export class Uniform extends Drawn<UniformOptions> {
  /** The name of the distribution. */
  static override readonly distribution = "uniform";
}

/** Draws from a distribution with a stream, by default the default one. */
export function draw(
  distribution: Distribution,
  shape: readonly number[],
  options: object,
  stream: RandomState = random.default,
): tf.Tensor {
  return random[distribution]([...shape] as tf.ShapeMap[tf.Rank], {
    ...options,
    random: stream,
  });
}
