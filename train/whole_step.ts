/**
 * A step of one batch: gradient, check of the loss, clipping, optimizer.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { clipGradNorm, globalNorm } from "../autodiff/mod.ts";
import { nextOrOld, stillOpen } from "../backend/gate.ts";
import type { Batch } from "../data/batch.ts";
import { behindGate, gate } from "../internal/gate.ts";
import { inStages, isFiniteNow } from "../internal/recording.ts";
import type { Tensors } from "../tensors.ts";
import { scope } from "../memory.ts";
import type { State } from "../state.ts";
import { type Transaction, transaction } from "../internal/transaction.ts";
import type { FitOptions } from "./fit_options.ts";
import type { Stepping } from "./team.ts";
import { clipByValue } from "./gradients.ts";
import { lossGradient } from "./loss_gradient.ts";
import { steppingFor } from "./stepping.ts";

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
  const stepping = steppingFor(options.loss, options.optimizer);
  return inStages(
    (...[, ...batch]: readonly [measuresNorm: boolean, ...batch: B]) =>
      isChecked
        ? undoneUnlessFinite(() => gradient(...batch))
        : gradient(...batch),
    ([grads, loss], [measuresNorm, ...batch]): StepResult => {
      if (isChecked && !isFiniteNow(loss)) {
        tf.dispose({ ...grads });
        return { loss, norm: undefined };
      }
      try {
        const own = { ...options, optimizer: stepping(...batch) };
        return { loss, norm: applyGradients(own, grads, measuresNorm) };
      } catch (error) {
        loss.dispose();
        throw error;
      }
    },
  );
}

/** What a step behind a gate computes; the caller owns it. */
export interface GatedResult extends StepResult {
  /** 1 while steps count; 0 from the first step on whose loss is not finite. */
  readonly open: tf.Scalar;
}

/**
 * As {@linkcode wholeStep}, without reading anything: on the device, a step whose loss is
 * not finite changes nothing, nor does any after it. What it changes on the host is told
 * to `gate.undo`.
 *
 * @param options The options of the run.
 * @returns A function of whether to compute the norm of the gradients, what the step
 *   before returned as `open`, and the batch.
 */
export function gatedStep<B extends Batch>(
  options: StepOptions<B>,
): (
  ...args: readonly [measuresNorm: boolean, open: tf.Scalar, ...batch: B]
) => GatedResult {
  type Args = readonly [measuresNorm: boolean, open: tf.Scalar, ...batch: B];
  const gradient = lossGradient(options.loss, options.optimizer);
  const stepping = steppingFor(options.loss, options.optimizer);
  return inStages(
    (...[, before, ...batch]: Args) => {
      const written = transaction(() => gradient(...batch as unknown as B));
      const [grads, loss] = written.value;
      const open = stillOpen(before, loss);
      keepIfOpen(written, open);
      return [grads, loss, open] as const;
    },
    ([grads, loss, open], [measuresNorm, , ...batch]): GatedResult => {
      const optimizer = stepping(...batch as unknown as B);
      const own = { ...options, optimizer };
      const apply = () => applyGradients(own, grads, measuresNorm);
      try {
        return { loss, open, norm: behindGate(open, apply) };
      } catch (error) {
        tf.dispose([loss, open]);
        throw error;
      }
    },
  );
}

/** Keep what was written to states while `open` is 1, else what they held before. */
export function keepIfOpen(
  { replaced, commit }: Transaction<unknown>,
  open: tf.Scalar,
): void {
  for (const [state, before] of replaced()) {
    const written = state as State<unknown>;
    if (written.isDisposed) continue;
    const { value } = written;
    if (value instanceof tf.Tensor && before instanceof tf.Tensor) {
      // A state that got another shape, by `replace`, is not taken back.
      const isAlike = value.dtype === before.dtype &&
        tf.util.arraysEqual(value.shape, before.shape);
      if (!isAlike || value === before) continue;
      scope(() => {
        written.value = nextOrOld(open, value, before);
      });
    } else gate.undo?.(() => written.value = before);
  }
  commit();
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
 * Clip `grads`, step the optimizer, and free them, also if it throws.
 *
 * @returns Their norm before clipping by norm, if that is done or `measuresNorm`.
 */
export function applyGradients<B extends Batch>(
  options: Omit<StepOptions<B>, "loss" | "optimizer"> & {
    readonly optimizer: Stepping;
  },
  grads: Tensors,
  measuresNorm: boolean,
): tf.Scalar | undefined {
  const { optimizer, gradClipNorm, gradClipValue } = options;
  let norm: tf.Scalar | undefined;
  if (gradClipValue !== undefined) grads = clipByValue(grads, gradClipValue);
  if (gradClipNorm !== undefined) {
    ({ grads, norm } = clipGradNorm(grads, gradClipNorm));
  } else if (measuresNorm) norm = globalNorm(grads);
  try {
    optimizer.step(grads);
    return norm;
  } catch (error) {
    tf.dispose([{ ...grads }, norm ?? []]);
    throw error;
  }
}
