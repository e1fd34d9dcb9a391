/**
 * The weights of recurrent cells.
 *
 * @module
 */
import { linear } from "../../backend/ops/with_bias.ts";
import {
  type ProductWith,
  rowsProduct,
} from "../../backend/ops/rows_product.ts";
import type { OptionRules } from "../../internal/check.ts";
import type { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { type Activation, activationRule } from "../activations/named.ts";
import { type Initializer, initializer } from "../init/initializer.ts";
import { Zero } from "../init/mod.ts";
import { param } from "../module/param.ts";
import { WEIGHT_RULES, type WeightOptions } from "./weight_options.ts";

/** Options of recurrent cells. */
export interface CellOptions extends Omit<WeightOptions, "bias"> {
  /**
   * The activation of what is written into the state: a name, as in `"relu"`, or a
   * function. Default: `"tanh"`.
   */
  readonly activation?: Activation<tf.Tensor2D>;
  /**
   * The initializer of the state before the first step, `[batch, hidden]`, which draws
   * from `random` at each sequence. Default: {@linkcode Zero}.
   */
  readonly stateInit?: Initializer;
}

const { bias: _, ...rules } = WEIGHT_RULES;

/** The rules of {@linkcode CellOptions}. */
export const CELL_RULES: OptionRules<CellOptions> = {
  ...rules,
  activation: activationRule,
  stateInit: initializer,
};

/** The parameters of `[x, h] W + b`. */
export interface CellWeights {
  /** `[in + hidden, out]` */
  readonly weight: ParamState<tf.Tensor2D>;
  /** `[out]` */
  readonly bias: ParamState<tf.Tensor1D>;
}

/**
 * Creates the parameters of `[x, h] W + b`.
 *
 * @param name The name of the cell in errors.
 * @param sizes The number of features of `x`, of `h` and of the result.
 * @param options Initializers and stream.
 */
export function cellWeights(
  name: string,
  [inputs, hidden, outputs]: readonly [number, number, number],
  { weightInit, biasInit = new Zero(), random }: CellOptions & {
    readonly weightInit: Initializer;
  },
): CellWeights {
  const shape: [number, number] = [inputs + hidden, outputs];
  return {
    weight: param(`${name}.weight`, weightInit, shape, random),
    bias: param(`${name}.bias`, biasInit, [outputs], random),
  };
}

/** The two terms of `[x, h] W + b`. */
export interface CellTerms {
  /** `x Wx + b`, `[..., in]` to `[..., out]`. */
  ofInput(x: tf.Tensor): tf.Tensor;
  /** `h Wh`, `[batch, hidden]` to `[batch, out]`; with a bias of its own if given one. */
  readonly ofState: ProductWith;
}

/** `fn` of the rows of all leading axes, `[..., in]` to `[..., out]`. */
function ofRows(
  x: tf.Tensor,
  fn: (rows: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor {
  const leading = x.shape.slice(0, -1), inputs = x.shape.at(-1)!;
  const count = tf.util.sizeFromShape(leading);
  const y = fn(tf.reshape<tf.Rank.R2>(x, [count, inputs]));
  return tf.reshape(y, [...leading, y.shape[1]]);
}

/**
 * The two terms of `[x, h] W + b`, with the weights as they are now.
 *
 * @param weights The parameters.
 * @param inputs The number of features of `x`.
 */
export function cellTerms(
  { weight: { value: weight }, bias: { value: bias } }: CellWeights,
  inputs: number,
): CellTerms {
  const withInput = rowsProduct(weight, 0, inputs);
  const ofState = rowsProduct(weight, inputs, weight.shape[0] - inputs);
  return {
    ofInput: (x) => ofRows(x, (rows) => withInput(rows, bias)),
    ofState,
  };
}

/**
 * The terms `x Wx + b` of several parameters, one beside the other, by one product: for
 * sequences, which are larger than the weights that it joins.
 *
 * @param weights The parameters.
 * @param x `[..., in]`
 * @returns `[..., the sum of out]`
 */
export function joinedTerms(
  weights: readonly CellWeights[],
  x: tf.Tensor,
): tf.Tensor {
  const inputs = x.shape.at(-1)!;
  const matrices = weights.map(({ weight: { value } }) =>
    tf.slice<tf.Rank.R2, tf.Tensor2D>(
      value,
      [0, 0],
      [inputs, value.shape[1]],
    )
  );
  const weight = tf.concat<tf.Tensor2D>(matrices, 1);
  const bias = tf.concat<tf.Tensor1D>(weights.map(({ bias }) => bias.value));
  return ofRows(x, (rows) => linear(rows, weight, bias));
}
