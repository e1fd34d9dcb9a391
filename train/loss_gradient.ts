/**
 * The gradients of a training loss.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../autodiff/mod.ts";
import { environ } from "../environ.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { ParamState, States } from "../state.ts";
import type { Tensors } from "../tensors.ts";

/**
 * The function from a batch to the gradients of `loss` in the parameters of
 * `optimizer` that are not frozen, and the loss. It runs with `fit` true in the
 * environment; the caller owns what it returns.
 */
export function lossGradient<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
): (...batch: Args) => [grads: Tensors, loss: tf.Scalar] {
  const states = optimizer.paramStates;
  const gradient = grad((...batch: Args) => loss(...batch), {
    states,
    returnValue: true,
  });
  return (...batch) => {
    const [grads, value] = environ.context(
      { fit: true },
      () => gradient(...batch),
    );
    return [withoutFrozen(grads, states), value];
  };
}

/**
 * `grads` without those of frozen parameters, which would count in their norm. If all
 * are frozen, the optimizer gets all of them, and changes nothing.
 */
function withoutFrozen(grads: Tensors, states: States): Tensors {
  const isFrozen = (path: string) =>
    (states[path] as Partial<ParamState>).frozen === true;
  const paths = Object.keys(grads);
  const frozen = paths.filter(isFrozen);
  if (frozen.length === 0 || frozen.length === paths.length) return grads;
  tf.dispose(frozen.map((path) => grads[path]!));
  const rest = paths.filter((path) => !isFrozen(path));
  return Object.fromEntries(rest.map((path) => [path, grads[path]!]));
}
