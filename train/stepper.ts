/**
 * The steps of training: from batches to changed parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { clipGradNorm, globalNorm } from "../autodiff/mod.ts";
import type { Batch } from "../data/batch.ts";
import { LBFGS, type Optimizer } from "../optim/mod.ts";
import type { Tensors } from "../tensors.ts";
import { type Transaction, transaction } from "../internal/transaction.ts";
import { examplesIn } from "./evaluate.ts";
import type { FitOptions } from "./fit_options.ts";
import { clipByValue, GradientMean } from "./gradients.ts";
import { lossGradient } from "./step.ts";

/** A step that was taken. */
export interface TakenStep {
  /** Its mean loss, which the caller owns. */
  readonly loss: tf.Scalar;
  /** The norm of its gradients if it was computed, which the caller owns. */
  readonly norm: tf.Scalar | undefined;
  /** The learning rate of the first group. */
  readonly lr: number;
}

/** A step that was not taken, since its loss is not a finite number. */
export interface RefusedStep {
  /** Its mean loss. */
  readonly refused: number;
}

/** Takes the steps of {@linkcode fit}, each of one or several batches. */
export class Stepper<B extends Batch> {
  readonly #options: FitOptions<B>;
  readonly #accumulate: number;
  readonly #gradient: (...batch: B) => [grads: Tensors, loss: tf.Scalar];
  /** Whether each loss is read before its step is applied. */
  readonly #watch: boolean;
  readonly #mean = new GradientMean();
  /** What the batches have written to states. */
  #writes: Transaction<unknown>[] = [];
  /** The last batch added. */
  #batch: B | undefined;

  /** Take steps as `options` say. */
  constructor(options: FitOptions<B>) {
    this.#options = options;
    this.#accumulate = options.accumulate ?? 1;
    this.#gradient = lossGradient(options.loss, options.optimizer);
    const { nan = "stop" } = options;
    this.#watch = nan === "skip" ||
      nan === "stop" && tf.getBackend() !== "webgpu";
  }

  /** Batches added since the last step. */
  get batches(): number {
    return this.#mean.batches;
  }

  /** Whether there are enough batches for a step. */
  get isFull(): boolean {
    return this.batches === this.#accumulate;
  }

  /** Add the gradients of a batch. */
  add(batch: B): void {
    const [grads, loss] = this.#watch
      ? this.#noted(batch)
      : this.#gradient(...batch);
    this.#batch = batch;
    const alone = this.#accumulate === 1;
    this.#mean.add(grads, loss, examplesIn(batch), alone);
  }

  /**
   * Apply the mean gradient of the batches added. If their mean loss is not finite,
   * nothing changes, and what the loss wrote to states is taken back.
   *
   * @param measuresNorm Whether to compute the norm of the gradients.
   */
  async take(measuresNorm: boolean): Promise<TakenStep | RefusedStep> {
    const { optimizer } = this.#options;
    const { grads, loss } = this.#mean.take();
    if (this.#watch) {
      const value = (await loss.data())[0]!;
      if (!Number.isFinite(value)) {
        tf.dispose([{ ...grads }, loss]);
        for (const writes of this.#taken().reverse()) writes.rollback();
        return { refused: value };
      }
      for (const writes of this.#taken()) writes.commit();
    }
    if (hasLineSearch(optimizer)) {
      await this.#search(optimizer, grads, loss);
      return { loss, norm: undefined, lr: optimizer.getLastLr()[0] ?? 0 };
    }
    const clipped = this.#clip(grads, measuresNorm);
    optimizer.step(clipped.grads);
    return { loss, norm: clipped.norm, lr: optimizer.getLastLr()[0] ?? 0 };
  }

  /** Free what was added. */
  dispose(): void {
    this.#mean.dispose();
    for (const writes of this.#taken()) writes.commit();
  }

  /** The gradients of a batch; what is written to states can be taken back. */
  #noted(batch: B): [grads: Tensors, loss: tf.Scalar] {
    const writes = transaction(() => this.#gradient(...batch));
    this.#writes.push(writes);
    return writes.value;
  }

  #taken(): Transaction<unknown>[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  /** A step with a line search, which computes the loss of the batch elsewhere. */
  async #search(
    optimizer: LBFGS,
    grads: Tensors,
    loss: tf.Scalar,
  ): Promise<void> {
    const [value] = await loss.data();
    await optimizer.update(grads, {
      value: value!,
      valueFn: () => {
        // Only the evaluation of the step itself counts in running statistics.
        const evaluation = transaction(() => this.#gradient(...this.#batch!));
        evaluation.rollback();
        const [grads, value] = evaluation.value;
        return { value, grads };
      },
    });
  }

  #clip(
    grads: Tensors,
    measuresNorm: boolean,
  ): { grads: Tensors; norm: tf.Scalar | undefined } {
    const { gradClipNorm, gradClipValue } = this.#options;
    if (gradClipValue !== undefined) grads = clipByValue(grads, gradClipValue);
    if (gradClipNorm !== undefined) return clipGradNorm(grads, gradClipNorm);
    return { grads, norm: measuresNorm ? globalNorm(grads) : undefined };
  }
}

/** Whether the steps of an optimizer need the loss at other points. */
export function hasLineSearch(optimizer: Optimizer): optimizer is LBFGS {
  const given: unknown = optimizer;
  return given instanceof LBFGS && given.hasLineSearch;
}
