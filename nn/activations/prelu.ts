/**
 * A leaky ReLU with learned slopes.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import type { ParamState } from "../../state.ts";
import type * as tf from "../../tf.ts";
import { prelu } from "./piecewise.ts";
import { Elementwise } from "./elementwise.ts";
import { Constant } from "../init/mod.ts";
import { param } from "../module/param.ts";
import { checkInput } from "../module/size.ts";

/** Options of {@linkcode PReLU}. */
export interface PReLUOptions {
  /** The number of slopes: 1, or that of the channels. Default: 1. */
  readonly numParameters?: number;
  /** The initial value of the slopes. Default: 0.25. */
  readonly init?: number;
}

const RULES: OptionRules<PReLUOptions> = {
  numParameters: "a positive integer",
  init: "a number",
};

/**
 * {@linkcode leakyRelu} with learned slopes, one for all or one for each channel
 * (He et al. 2015).
 *
 * @typeParam T The rank of input and output.
 */
export class PReLU<T extends tf.Tensor = tf.Tensor> extends Elementwise<T> {
  /** The slopes below 0, `[numParameters]`. */
  readonly weight: ParamState<tf.Tensor1D>;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode PReLUOptions}.
   */
  constructor(options: PReLUOptions = {}) {
    super();
    checkOptions("create PReLU", options, RULES);
    const { numParameters = 1, init = 0.25 } = options;
    this.weight = param("PReLU.weight", new Constant(init), [
      numParameters,
    ]);
  }

  /** `[..., channels]` to the same. */
  override update(x: T): T {
    const count = this.weight.shape[0]!;
    checkInput("PReLU", x, count > 1 ? [count] : []);
    return prelu(x, this.weight.value);
  }
}
