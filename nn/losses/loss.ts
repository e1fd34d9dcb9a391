/**
 * The definition of losses that compare tensors of the same shape.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import {
  checkSameShape,
  type LossOptions,
  reduce,
  type Reduced,
  REDUCTION,
  type Reduction,
} from "./reduction.ts";

/**
 * A loss of predictions and targets of the same shape.
 *
 * It returns one number for each element, or for each row where its documentation
 * says so; a scalar with a `reduction`.
 *
 * @typeParam O Its options.
 */
export type Loss<O extends LossOptions = LossOptions> = <
  R extends Reduction = "none",
>(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  options?: Omit<O, "reduction"> & LossOptions<R>,
) => Reduced<R>;

/**
 * The loss with a formula.
 *
 * @param name Its name in errors.
 * @param formula The losses of elements or rows.
 * @param rules The rules of its own options.
 */
export function defineLoss<O extends LossOptions = LossOptions>(
  name: string,
  formula: (p: tf.Tensor, t: tf.Tensor, options: O) => tf.Tensor,
  rules?: OptionRules<Omit<O, "reduction">>,
): Loss<NoInfer<O>> {
  const action = `compute ${name}`;
  const all = { ...rules, reduction: REDUCTION } as OptionRules<O>;
  return <R extends Reduction = "none">(
    predictions: tf.Tensor,
    targets: tf.Tensor,
    options: Omit<O, "reduction"> & LossOptions<R> = {} as LossOptions<R> & O,
  ): Reduced<R> => {
    const given = options as unknown as O;
    checkOptions(action, given, all);
    checkSameShape(action, predictions, targets);
    const reduction = options.reduction ?? "none" as R;
    return tf.tidy(() =>
      reduce(formula(floats(predictions), floats(targets), given), reduction)
    );
  };
}
