/**
 * Initializers with a variance that depends on the shape.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  check,
  checkOptions,
  oneOf,
  type OptionRules,
} from "../../internal/check.ts";
import type { RandomState } from "../../random.ts";
import { type Initializer, matrix } from "./initializer.ts";
import { draw } from "./random.ts";

/** Options of {@linkcode VarianceScaling}. */
export interface VarianceScalingOptions {
  /** The variance is `scale / fan`. Default: 1. */
  readonly scale?: number;

  /**
   * The number of connections to count: those into an output, those out of an input,
   * or their mean. Default: `"fanIn"`.
   */
  readonly mode?: "fanIn" | "fanOut" | "fanAvg";

  /** The distribution. Default: `"truncatedNormal"`. */
  readonly distribution?: "truncatedNormal" | "normal" | "uniform";
}

const FAN_RULES: OptionRules<FanOptions> = {
  scale: "a positive finite number",
  mode: oneOf("fanIn", "fanOut", "fanAvg"),
};
const RULES: OptionRules<VarianceScalingOptions> = {
  ...FAN_RULES,
  distribution: oneOf("truncatedNormal", "normal", "uniform"),
};

/** The standard deviation of a standard normal distribution truncated at -2 and 2. */
const TRUNCATED_STD = 0.87962566103423978;

/**
 * Numbers with mean 0 and variance `scale / fan`, so that signals keep their size
 * from layer to layer.
 *
 * `fanIn` is the second last size times the receptive field (the product of the sizes
 * before it), `fanOut` the last size times the same: dense weights are `[in, out]`,
 * kernels `[height, width, in, out]`. Uniform numbers lie within `±√(3 variance)`; the
 * standard deviation of a truncated normal is divided by 0.8796, which truncation
 * multiplies it by.
 *
 * @example Usage
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const weightInit = new nn.init.VarianceScaling({ scale: 2, mode: "fanOut" });
 * const layer = new nn.Linear(3, 4, { weightInit });
 * assertEquals(layer.weight.shape, [3, 4]);
 * ```
 */
export class VarianceScaling implements Initializer {
  readonly #options: Required<VarianceScalingOptions>;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode VarianceScalingOptions}.
   */
  constructor(options: VarianceScalingOptions = {}) {
    checkOptions("create VarianceScaling", options, RULES);
    const { scale = 1, mode = "fanIn", distribution = "truncatedNormal" } =
      options;
    this.#options = { scale, mode, distribution };
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[], random?: RandomState): tf.Tensor {
    const { scale, mode, distribution } = this.#options;
    const [inputs, outputs] = matrix(this.constructor.name, shape);
    const field = tf.util.sizeFromShape(shape.slice(0, -2));
    const fans = {
      fanIn: inputs * field,
      fanOut: outputs * field,
      fanAvg: (inputs + outputs) / 2 * field,
    };
    const std = Math.sqrt(scale / Math.max(fans[mode], 1));
    const options = {
      truncatedNormal: { std: std / TRUNCATED_STD },
      normal: { std },
      uniform: { min: -Math.sqrt(3) * std, max: Math.sqrt(3) * std },
    };
    return draw(distribution, shape, options[distribution], random);
  }
}

/** Options of the named kinds of {@linkcode VarianceScaling}. */
export type FanOptions = Pick<VarianceScalingOptions, "scale" | "mode">;

/** Scale and mode by default, and the distribution. */
export type Defaults = readonly [
  scale: number,
  mode: Required<VarianceScalingOptions>["mode"],
  distribution: Required<VarianceScalingOptions>["distribution"],
];

/** {@linkcode VarianceScaling} with other defaults and a given distribution. */
export abstract class NamedVarianceScaling extends VarianceScaling {
  /** The defaults and the distribution. */
  static readonly defaults: Defaults;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode FanOptions}.
   */
  constructor(options: FanOptions = {}) {
    const { name, defaults } = new.target as typeof NamedVarianceScaling;
    checkOptions(`create ${name}`, options, FAN_RULES);
    const [defaultScale, defaultMode, distribution] = defaults;
    const { scale = defaultScale, mode = defaultMode } = options;
    super({ scale, mode, distribution });
  }
}

/**
 * Truncated normal with variance `2 / fanIn`, which suits ReLU: the default of
 * dense layers (He et al. 2015, "Delving Deep into Rectifiers").
 */
export class KaimingNormal extends NamedVarianceScaling {
  /** The defaults and the distribution. */
  static override readonly defaults: Defaults = [2, "fanIn", "truncatedNormal"];
}

/** Uniform with variance `2 / fanIn` (He et al. 2015). */
export class KaimingUniform extends NamedVarianceScaling {
  /** The defaults and the distribution. */
  static override readonly defaults: Defaults = [2, "fanIn", "uniform"];
}

/**
 * Truncated normal with variance `1 / fanAvg`, which suits tanh: the default of
 * convolutions (Glorot and Bengio 2010, "Understanding the difficulty of training
 * deep feedforward neural networks").
 */
export class XavierNormal extends NamedVarianceScaling {
  /** The defaults and the distribution. */
  static override readonly defaults: Defaults = [
    1,
    "fanAvg",
    "truncatedNormal",
  ];
}

/** Uniform with variance `1 / fanAvg` (Glorot and Bengio 2010). */
export class XavierUniform extends NamedVarianceScaling {
  /** The defaults and the distribution. */
  static override readonly defaults: Defaults = [1, "fanAvg", "uniform"];
}

/** Truncated normal with variance `1 / fanIn`, which suits SELU (LeCun et al. 1998). */
export class LecunNormal extends NamedVarianceScaling {
  /** The defaults and the distribution. */
  static override readonly defaults: Defaults = [1, "fanIn", "truncatedNormal"];
}

/** Uniform with variance `1 / fanIn` (LeCun et al. 1998). */
export class LecunUniform extends NamedVarianceScaling {
  /** The defaults and the distribution. */
  static override readonly defaults: Defaults = [1, "fanIn", "uniform"];
}

/**
 * The gain that keeps the variance through a nonlinearity: an initializer's
 * `scale` is its square (torch's `nn.init.calculate_gain`).
 *
 * | nonlinearity | gain |
 * | --- | --- |
 * | linear, sigmoid | 1 |
 * | tanh | 5/3 |
 * | relu | √2 |
 * | leakyRelu | √(2 / (1 + slope²)) |
 * | selu | 3/4 |
 *
 * @param nonlinearity The name of the nonlinearity.
 * @param slope The slope of a leaky ReLU. Default: 0.01.
 */
export function calculateGain(
  nonlinearity: "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu",
  slope = 0.01,
): number {
  check("compute the gain", "slope", slope, "a number");
  const gains = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + slope ** 2)),
    selu: 3 / 4,
  };
  const names = oneOf(...Object.keys(gains));
  check("compute the gain", "nonlinearity", nonlinearity, names);
  return gains[nonlinearity];
}
