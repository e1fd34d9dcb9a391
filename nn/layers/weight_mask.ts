/**
 * Masks of weights: connections that a layer does not have.
 *
 * @module
 */
import { refuse, tensor } from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import { LongTermState, type ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { WEIGHT_RULES, type WeightOptions } from "./weight_options.ts";

/** Options of layers whose weight may be masked. */
export interface MaskedWeightOptions extends WeightOptions {
  /**
   * What the weight is multiplied by, of its shape: 0 (or false) for connections that
   * there are not, else 1. It is copied, saved with the layer and not trained; where it is
   * 0, the weight gets no gradient. Default: none.
   */
  readonly weightMask?: tf.Tensor;
}

/** The rules of {@linkcode MaskedWeightOptions}. */
export const MASKED_RULES = { ...WEIGHT_RULES, weightMask: tensor };

/** A mask that a layer holds. */
export type WeightMask = LongTermState | null;

/** Throws unless `mask`, if there is one, has the shape of the weight. */
export function checkWeightMask(
  name: string,
  mask: tf.Tensor | undefined,
  shape: readonly number[],
): void {
  if (!mask || tf.util.arraysEqual(mask.shape, [...shape])) return;
  const is = `of the weight's shape, [${shape.join(", ")}]`;
  refuse(`create ${name}`, "weightMask", is, mask);
}

/** The state that holds a mask. */
export function weightMaskOf(
  name: string,
  mask: tf.Tensor | undefined,
): WeightMask {
  if (!mask) return null;
  return scope(() =>
    new LongTermState(floats(mask), { name: `${name}.weightMask` })
  );
}

/** The weight that a layer computes with: `weight · mask`. */
export function masked<T extends tf.Tensor>(
  { value }: ParamState<T>,
  mask: WeightMask,
): T {
  return mask ? tf.mul<T>(value, mask.value) : value;
}
