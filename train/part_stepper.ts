/**
 * Steps that consist of parts.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { LBFGS, type Optimizer } from "../optim/mod.ts";
import type { Tensors } from "../tensors.ts";
import { type Transaction, transaction } from "../internal/transaction.ts";
import { examplesIn } from "./evaluate.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import { GradientMean } from "./gradients.ts";
import { lossGradient } from "./step.ts";
import {
  compiledIf,
  type Outcome,
  type RefusedStep,
  Stepper,
} from "./stepper.ts";
import { applyGradients } from "./whole_step.ts";

/** Steps of several batches, and those that wait for the device between their parts. */
export class PartStepper<B extends Batch> extends Stepper<B> {
  readonly #gradient: ReturnType<
    typeof compiledIf<B, [grads: Tensors, loss: tf.Scalar]>
  >;
  readonly #apply: ReturnType<
    typeof compiledIf<
      [grads: Tensors, measuresNorm: boolean],
      tf.Scalar | undefined
    >
  >;
  readonly #mean = new GradientMean();
  /** What the batches have written to states. */
  #writes: Transaction<unknown>[] = [];
  /** The last batch added. */
  #batch: B | undefined;

  constructor(options: FitOptions<B>, onFallback: OnFallback) {
    super(options);
    this.#gradient = compiledIf(
      options,
      onFallback,
      lossGradient(options.loss, options.optimizer),
    );
    this.#apply = compiledIf(
      options,
      onFallback,
      (grads: Tensors, measuresNorm: boolean) =>
        applyGradients(options, grads, measuresNorm),
    );
  }

  get batches(): number {
    return this.#mean.batches;
  }

  add(batch: B): void {
    const [grads, loss] = this.isWatched
      ? this.#noted(batch)
      : this.#gradient(...batch);
    this.#batch = batch;
    const { accumulate = 1 } = this.options;
    this.#mean.add(grads, loss, examplesIn(batch), accumulate === 1);
  }

  protected async run(
    measuresNorm: boolean,
  ): Promise<Outcome | RefusedStep> {
    const { optimizer } = this.options;
    const { grads, loss } = this.#mean.take();
    if (this.isWatched) {
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
      return { loss, norm: undefined };
    }
    return { loss, norm: this.#apply(grads, measuresNorm) };
  }

  get report(): CompileReport | undefined {
    return this.#gradient.report?.();
  }

  dispose(): void {
    this.#mean.dispose();
    for (const writes of this.#taken()) writes.commit();
    this.#gradient.dispose?.();
    this.#apply.dispose?.();
  }

  /** The gradients of a batch; what is written to states can be taken back. */
  #noted(batch: B): [grads: Tensors, loss: tf.Scalar] {
    const writes = transaction(() => this.#gradient(...batch), true);
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
        const evaluation = transaction(
          () => this.#gradient(...this.#batch!),
          true,
        );
        evaluation.rollback();
        const [grads, value] = evaluation.value;
        return { value, grads };
      },
    });
  }
}

/** Whether the steps of an optimizer need the loss at other points. */
export function hasLineSearch(optimizer: Optimizer): optimizer is LBFGS {
  const given: unknown = optimizer;
  return given instanceof LBFGS && given.hasLineSearch;
}
