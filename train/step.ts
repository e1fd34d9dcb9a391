/**
 * One step of training: gradients of a batch, then the optimizer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { currentPrecision } from "../backend/precision.ts";
import type { Optimizer } from "../optim/mod.ts";
import { checkOptions, instanceOf, refuse } from "../internal/check.ts";
import { compiledByTests, inStages } from "../internal/recording.ts";
import { lossGradient } from "./loss_gradient.ts";
import { LossScale } from "./loss_scale.ts";
import { scaledGradient } from "./scaled_gradient.ts";
import { evaluatesAgain, steppingFor } from "./stepping.ts";
import { checkTakesGradients } from "./takes_gradients.ts";

/** Options of {@linkcode step}. */
export interface StepOptions {
  /**
   * Scales the loss for the backward pass, and skips steps whose gradients are not finite.
   * It must be given in mixed precision, and may be given elsewhere. One number is read
   * from the device in each step, which cannot be done in browsers on WebGPU: use `fit`,
   * which does without.
   */
  readonly lossScale?: LossScale;
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
 * With `lossScale`, a step with a gradient that is not finite is skipped: parameters,
 * slots and the optimizer's count of steps stay as they are, and the scale is halved. What
 * the loss has written to states, such as running statistics, is kept. `compile` replays
 * the gradient of such steps, and not the rest, since they depend on what is read.
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
 * @param options See {@linkcode StepOptions}.
 * @returns A function of one batch.
 * @throws {TypeError} If an option is unknown or of the wrong kind; when called, if
 * precision is mixed and there is no `lossScale`.
 */
export function step<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
  options: StepOptions = {},
): (...batch: Args) => tf.Scalar {
  checkOptions("create a step", options, {
    lossScale: instanceOf(LossScale, "a LossScale"),
  });
  checkTakesGradients("create a step", optimizer);
  const { lossScale } = options;
  if (lossScale && evaluatesAgain(optimizer)) {
    const rule = `left out with ${optimizer.constructor.name}`;
    refuse("create a step", "lossScale", rule, lossScale, TypeError);
  }
  if (lossScale) return scaledStep(loss, optimizer, lossScale);
  const gradient = lossGradient(loss, optimizer);
  const stepping = steppingFor(loss, optimizer);
  const checked = (...batch: Args) => {
    if (currentPrecision() === "mixed") {
      const rule = "given in mixed precision";
      refuse("take a step", "lossScale", rule, undefined, TypeError);
    }
    return gradient(...batch);
  };
  return compiledByTests(inStages(checked, ([grads, value], batch) => {
    try {
      stepping(...batch).step(grads);
    } catch (error) {
      tf.dispose([{ ...grads }, value]);
      throw error;
    }
    return value;
  }));
}

/** {@linkcode step} with `lossScale`. */
function scaledStep<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
  lossScale: LossScale,
): (...batch: Args) => tf.Scalar {
  const gradient = scaledGradient(loss, optimizer, lossScale);
  return compiledByTests(inStages(gradient, ([grads, value, gradSum]) => {
    try {
      const isFinite = Number.isFinite(gradSum.dataSync()[0]);
      if (isFinite) optimizer.step(grads);
      else tf.dispose({ ...grads });
      lossScale.update(isFinite);
    } catch (error) {
      tf.dispose([{ ...grads }, value]);
      throw error;
    } finally {
      gradSum.dispose();
    }
    return value;
  }));
}
