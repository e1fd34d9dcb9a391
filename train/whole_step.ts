/**
 * A step of one batch: gradient, check of the loss, clipping, optimizer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { clipGradNorm, globalNorm } from "../autodiff/mod.ts";
import type { Batch } from "../data/batch.ts";
import { inStages, isFiniteNow } from "../internal/recording.ts";
import type { Tensors } from "../tensors.ts";
import { transaction } from "../internal/transaction.ts";
import type { FitOptions } from "./fit_options.ts";
import { clipByValue } from "./gradients.ts";
import { lossGradient } from "./step.ts";

/** What a step computes; the caller owns it. */
export interface StepResult {
  /** The mean loss. */
  readonly loss: tf.Scalar;
  /** The norm of the gradients if it was computed. */
  readonly norm: tf.Scalar | undefined;
}

/** What a step depends on. */
type StepOptions<B extends Batch> = Pick<
  FitOptions<B>,
  "loss" | "optimizer" | "gradClipNorm" | "gradClipValue"
>;

/**
 * The step of a batch. It does not wait for the device, so that it can be compiled.
 *
 * @param options The options of the run.
 * @param isChecked Whether a step whose loss is not finite changes nothing, which is
 *   read from the device.
 * @returns A function of whether to compute the norm of the gradients, and the batch.
 */
export function wholeStep<B extends Batch>(
  options: StepOptions<B>,
  isChecked: boolean,
): (...args: readonly [measuresNorm: boolean, ...batch: B]) => StepResult {
  const gradient = lossGradient(options.loss, options.optimizer);
  return inStages(
    (...[, ...batch]: readonly [measuresNorm: boolean, ...batch: B]) =>
      isChecked
        ? undoneUnlessFinite(() => gradient(...batch))
        : gradient(...batch),
    ([grads, loss], [measuresNorm]): StepResult => {
      if (isChecked && !isFiniteNow(loss)) {
        tf.dispose({ ...grads });
        return { loss, norm: undefined };
      }
      try {
        const norm = applyGradients(options, grads, measuresNorm);
        return { loss, norm };
      } catch (error) {
        loss.dispose();
        throw error;
      }
    },
  );
}

/** Gradients and a loss; if the loss is not finite, `fn` has written no state. */
function undoneUnlessFinite(
  fn: () => [grads: Tensors, loss: tf.Scalar],
): [grads: Tensors, loss: tf.Scalar] {
  const { value, commit, rollback } = transaction(fn);
  if (isFiniteNow(value[1])) commit();
  else rollback();
  return value;
}

/**
 * Clip `grads`, step the optimizer, and free them.
 *
 * @returns Their norm before clipping by norm, if that is done or `measuresNorm`.
 */
export function applyGradients<B extends Batch>(
  options: Omit<StepOptions<B>, "loss">,
  grads: Tensors,
  measuresNorm: boolean,
): tf.Scalar | undefined {
  const { optimizer, gradClipNorm, gradClipValue } = options;
  if (gradClipValue !== undefined) grads = clipByValue(grads, gradClipValue);
  if (gradClipNorm === undefined) {
    const norm = measuresNorm ? globalNorm(grads) : undefined;
    optimizer.step(grads);
    return norm;
  }
  const clipped = clipGradNorm(grads, gradClipNorm);
  optimizer.step(clipped.grads);
  return clipped.norm;
}
