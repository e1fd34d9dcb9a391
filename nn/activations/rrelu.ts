/**
 * A leaky ReLU with random slopes.
 *
 * @module
 */
import { environ } from "../../environ.ts";
import * as randomness from "../../random.ts";
import type { RandomState } from "../../random.ts";
import * as tf from "../../tf.ts";
import { leakyRelu, prelu } from "./functions.ts";
import { Elementwise } from "./modules.ts";

/** Options of {@linkcode RReLU}. */
export interface RReLUOptions {
  /** The least slope. Default: 1/8. */
  readonly lower?: number;
  /** The largest slope. Default: 1/3. */
  readonly upper?: number;
  /** Where slopes are drawn from. Default: the default stream. */
  readonly random?: RandomState;
}

/**
 * {@linkcode leakyRelu} with a random slope for each element during training, and
 * the mean of the bounds outside it (Xu et al. 2015). Asks `environ` for `fit`.
 *
 * @typeParam T The rank of input and output.
 */
export class RReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** The least slope. */
  readonly lower: number;
  /** The largest slope. */
  readonly upper: number;
  /** Where slopes are drawn from, if not from the default stream. */
  readonly random: RandomState | null;

  /** See {@linkcode RReLUOptions}. */
  constructor({ lower = 1 / 8, upper = 1 / 3, random }: RReLUOptions = {}) {
    super();
    if (!(lower <= upper)) {
      throw new RangeError(
        `Cannot create RReLU: lower must be at most upper: current values are ${lower} and ${upper}`,
      );
    }
    this.lower = lower;
    this.upper = upper;
    this.random = random ?? null;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    if (!environ.get("fit")) {
      return leakyRelu(x, (this.lower + this.upper) / 2);
    }
    return tf.tidy(() => {
      const slopes = randomness.uniform(x.shape as tf.ShapeMap[tf.Rank], {
        min: this.lower,
        max: this.upper,
        random: this.random ?? randomness.default,
      });
      return prelu(x, slopes);
    });
  }
}
