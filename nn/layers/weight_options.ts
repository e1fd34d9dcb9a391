/**
 * Options of layers with a weight and a bias.
 *
 * @module
 */
import { boolean, type OptionRules } from "../../internal/check.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import { type Initializer, initializer } from "../init/initializer.ts";

/** Options of layers with a weight and a bias. */
export interface WeightOptions {
  /** Whether to add a bias. Default: true. */
  readonly bias?: boolean;
  /** The initializer of the weight. Default: that of the layer. */
  readonly weightInit?: Initializer;
  /** The initializer of the bias. Default: {@linkcode Zero}. */
  readonly biasInit?: Initializer;
  /** The stream of the initializers. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode WeightOptions}. */
export const WEIGHT_RULES: OptionRules<WeightOptions> = {
  bias: boolean,
  weightInit: initializer,
  biasInit: initializer,
  random: stream,
};
