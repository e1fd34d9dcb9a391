/**
 * Initializers that keep the size of signals.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { RandomState } from "../../random.ts";
import { type Initializer, matrix } from "./initializer.ts";
import { draw } from "./random.ts";

/** Options of {@linkcode VarianceScaling}. */
export interface VarianceScalingOptions {
  /** The variance is `scale / fan`. Default: 1. */
  readonly scale?: number;

  /** Which connections to count: those into an output, out of an input, or their mean. */
  readonly mode?: "fanIn" | "fanOut" | "fanAvg";

  /** What to draw from. Default: `"truncatedNormal"`. */
  readonly distribution?: "truncatedNormal" | "normal" | "uniform";
}

/** The standard deviation of a normal distribution cut off at -2 and 2. */
const TRUNCATED_STD = 0.87962566103423978;

/**
 * Numbers with mean 0 and variance `scale / fan`, so that signals keep their size
 * from layer to layer.
 *
 * `fanIn` is the last but one size times the receptive field (the sizes before
 * it), `fanOut` the last one times the same: dense weights are `[in, out]`,
 * kernels `[height, width, in, out]`. Uniform numbers lie within `√(3 variance)`;
 * a truncated normal is widened by 1 / 0.8796, for what the cut takes away.
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

  /** See {@linkcode VarianceScalingOptions}. */
  constructor(
    { scale = 1, mode = "fanIn", distribution = "truncatedNormal" }:
      VarianceScalingOptions = {},
  ) {
    if (!(scale > 0)) {
      throw new RangeError(
        `Cannot create ${new.target.name}: scale must be above 0: current value is ${scale}`,
      );
    }
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

/**
 * Truncated normal with variance `2 / fanIn`, which suits ReLU: the default of
 * dense layers (He et al. 2015, "Delving Deep into Rectifiers").
 */
export class KaimingNormal extends VarianceScaling {
  /** Take another `scale` or `mode`. */
  constructor({ scale = 2, mode = "fanIn" }: FanOptions = {}) {
    super({ scale, mode, distribution: "truncatedNormal" });
  }
}

/** Uniform with variance `2 / fanIn` (He et al. 2015). */
export class KaimingUniform extends VarianceScaling {
  /** Take another `scale` or `mode`. */
  constructor({ scale = 2, mode = "fanIn" }: FanOptions = {}) {
    super({ scale, mode, distribution: "uniform" });
  }
}

/**
 * Truncated normal with variance `1 / fanAvg`, which suits tanh: the default of
 * convolutions (Glorot and Bengio 2010, "Understanding the difficulty of training
 * deep feedforward neural networks").
 */
export class XavierNormal extends VarianceScaling {
  /** Take another `scale` or `mode`. */
  constructor({ scale = 1, mode = "fanAvg" }: FanOptions = {}) {
    super({ scale, mode, distribution: "truncatedNormal" });
  }
}

/** Uniform with variance `1 / fanAvg` (Glorot and Bengio 2010). */
export class XavierUniform extends VarianceScaling {
  /** Take another `scale` or `mode`. */
  constructor({ scale = 1, mode = "fanAvg" }: FanOptions = {}) {
    super({ scale, mode, distribution: "uniform" });
  }
}

/** Truncated normal with variance `1 / fanIn`, which suits SELU (LeCun et al. 1998). */
export class LecunNormal extends VarianceScaling {
  /** Take another `scale` or `mode`. */
  constructor({ scale = 1, mode = "fanIn" }: FanOptions = {}) {
    super({ scale, mode, distribution: "truncatedNormal" });
  }
}

/** Uniform with variance `1 / fanIn` (LeCun et al. 1998). */
export class LecunUniform extends VarianceScaling {
  /** Take another `scale` or `mode`. */
  constructor({ scale = 1, mode = "fanIn" }: FanOptions = {}) {
    super({ scale, mode, distribution: "uniform" });
  }
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
 * @param nonlinearity Its name.
 * @param slope Of a leaky ReLU, 0.01 by default.
 */
export function calculateGain(
  nonlinearity: "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu",
  slope = 0.01,
): number {
  const gains = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + slope ** 2)),
    selu: 3 / 4,
  };
  return gains[nonlinearity];
}
