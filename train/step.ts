/**
 * One step of training: gradients of a batch, then the optimizer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../autodiff/mod.ts";
import { environ } from "../environ.ts";
import type { Optimizer } from "../optim/mod.ts";
import { compiledByTests, inStages } from "../internal/recording.ts";
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

/**
 * Create a function that takes a batch, updates the parameters, and returns the
 * loss.
 *
 * It computes the gradients of `loss` in the parameters of the optimizer, with
 * `fit` true in the environment, and applies them. Nothing is read back from the
 * device, and no tensor is left but the loss, which the caller owns. If `loss`
 * throws, nothing has changed. The caller steps the schedulers.
 *
 * @example A training loop
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const optimizer = new optim.SGD({ lr: 0.1 })
 *   .registerTrainableWeights(model.states(ParamState));
 * const step = train.step(
 *   (x: tf.Tensor2D, y: tf.Tensor2D) =>
 *     tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
 *   optimizer,
 * );
 * const losses = [];
 * for (let i = 0; i < 100; i++) {
 *   const [x, y] = [tf.tensor2d([[0], [1]]), tf.tensor2d([[1], [3]])];
 *   const loss = step(x, y);
 *   losses.push((await loss.data())[0]!);
 *   tf.dispose([x, y, loss]);
 * }
 * assert(losses.at(-1)! < 0.1 * losses[0]!);
 * ```
 *
 * @typeParam Args The tensors of a batch.
 * @param loss The function from a batch to its mean loss.
 * @param optimizer The optimizer, with parameters registered.
 * @returns A function of one batch.
 */
export function step<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
): (...batch: Args) => tf.Scalar {
  const gradient = lossGradient(loss, optimizer);
  return compiledByTests(inStages(gradient, ([grads, value]) => {
    try {
      optimizer.step(grads);
    } catch (error) {
      value.dispose();
      throw error;
    }
    return value;
  }));
}
