/**
 * A leaky ReLU with random slopes.
 *
 * @module
 */
import {
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import { environ } from "../../environ.ts";
import * as randomness from "../../random.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import { leakyRelu, prelu } from "./piecewise.ts";
import { checkInput } from "../module/size.ts";
import { Elementwise } from "./elementwise.ts";

/** Options of {@linkcode RReLU}. */
export interface RReLUOptions {
  /** The least slope. Default: 1/8. */
  readonly lower?: number;
  /** The largest slope. Default: 1/3. */
  readonly upper?: number;
  /** The stream that slopes are drawn from. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<RReLUOptions> = {
  lower: "a number",
  upper: "a number",
  random: stream,
};

/**
 * {@linkcode leakyRelu} with a slope for each element, drawn uniformly between two
 * bounds in training and equal to their mean in evaluation (Xu et al. 2015).
 * Reads `environ.fit`.
 *
 * @typeParam T The rank of input and output.
 */
export class RReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** The least slope. */
  readonly lower: number;
  /** The largest slope. */
  readonly upper: number;
  /** The stream that slopes are drawn from; null for the default one. */
  readonly random: RandomState | null;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode RReLUOptions}.
   */
  constructor(options: RReLUOptions = {}) {
    super();
    checkOptions("create RReLU", options, RULES);
    const { lower = 1 / 8, upper = 1 / 3, random } = options;
    if (!(lower <= upper)) {
      refuse("create RReLU", "lower", `at most upper, ${upper}`, lower);
    }
    this.lower = lower;
    this.upper = upper;
    this.random = random ?? null;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    checkInput("RReLU", x, []);
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
