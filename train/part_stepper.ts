/**
 * Steps that consist of parts.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { currentPrecision } from "../backend/precision.ts";
import { LBFGS, type Optimizer } from "../optim/mod.ts";
import type { Tensors } from "../tensors.ts";
import { type Transaction, transaction } from "../internal/transaction.ts";
import { examplesIn } from "./evaluate.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import { GradientMean } from "./gradients.ts";
import { LossScale } from "./loss_scale.ts";
import { type ScaledGradient, scaledGradient } from "./scaled_gradient.ts";
import { lossGradient } from "./loss_gradient.ts";
import { evaluatesAgain, steppingFor } from "./stepping.ts";
import {
  compiledIf,
  type Outcome,
  type RefusedStep,
  Stepper,
} from "./stepper.ts";
import type { Team } from "./team.ts";
import { applyGradients } from "./whole_step.ts";

/** The gradients of a batch, its loss and, if that is scaled, the sum of the gradients. */
type BatchGradient = ScaledGradient | [grads: Tensors, loss: tf.Scalar];

/**
 * Steps of several batches, and those that wait for the device between their parts, as
 * those of several ranks do.
 */
export class PartStepper<B extends Batch> extends Stepper<B> {
  readonly #gradient: ReturnType<
    typeof compiledIf<B, BatchGradient>
  >;
  readonly #apply: ReturnType<
    typeof compiledIf<
      readonly [grads: Tensors, measuresNorm: boolean, ...batch: Batch],
      tf.Scalar | undefined
    >
  >;
  readonly #mean = new GradientMean();
  override readonly lossScale: LossScale | undefined =
    currentPrecision() === "mixed" ? new LossScale() : undefined;
  /** The sums of the gradients of each batch, if the loss is scaled. */
  #gradSums: tf.Scalar[] = [];
  /** What the batches have written to states. */
  #writes: Transaction<unknown>[] = [];
  /** The last batch added. */
  #batch: B | undefined;
  /** The other ranks, if there are any, whose gradients are added. */
  readonly #team: Team | undefined;

  constructor(options: FitOptions<B>, onFallback: OnFallback, team?: Team) {
    super(options);
    this.#team = team;
    const { optimizer } = options, { lossScale } = this;
    const loss = team ? team.weighted(options.loss) : options.loss;
    this.#gradient = compiledIf<B, BatchGradient>(
      options,
      onFallback,
      lossScale
        ? scaledGradient(loss, optimizer, lossScale)
        : lossGradient(loss, optimizer),
    );
    const stepping = steppingFor(options.loss, optimizer);
    this.#apply = compiledIf(
      options,
      onFallback,
      (
        ...[grads, measuresNorm, ...batch]: readonly [
          grads: Tensors,
          measuresNorm: boolean,
          ...batch: Batch,
        ]
      ) =>
        applyGradients(
          {
            ...options,
            optimizer: team?.stepping ?? stepping(...batch as unknown as B),
          },
          grads,
          measuresNorm,
        ),
    );
  }

  get batches(): number {
    return this.#mean.batches;
  }

  add(batch: B): void {
    const own = examplesIn(batch);
    const examples = this.#team?.weigh(own) ?? own;
    const [grads, loss, gradSum] = this.isWatched
      ? this.#noted(batch)
      : this.#gradientOf(batch);
    if (gradSum) this.#gradSums.push(gradSum);
    this.#batch = batch;
    const { accumulate = 1 } = this.options;
    this.#mean.add(grads, loss, examples, accumulate === 1);
  }

  #gradientOf(batch: B): BatchGradient {
    const gradient = () => this.#gradient(...batch);
    return this.#team ? this.#team.withOwnStream(gradient) : gradient();
  }

  protected async run(
    measuresNorm: boolean,
  ): Promise<Outcome | RefusedStep> {
    const { optimizer } = this.options;
    const own = this.#mean.take();
    const isFinite = !this.lossScale || await this.#areFinite(own.loss);
    const { grads, loss } = this.#team ? await this.#team.sum(own) : own;
    if (this.isWatched) {
      const value = (await loss.data())[0]!;
      if (!Number.isFinite(value)) {
        tf.dispose([{ ...grads }, loss]);
        for (const writes of this.#taken().reverse()) writes.rollback();
        return { refused: value };
      }
      for (const writes of this.#taken()) writes.commit();
    }
    this.lossScale?.update(isFinite);
    if (!isFinite) {
      const refused = (await loss.data())[0]!;
      tf.dispose([{ ...grads }, loss]);
      return { refused, isOverflow: true };
    }
    if (hasLineSearch(optimizer)) {
      await this.#search(optimizer, grads, loss);
      return { loss, norm: undefined };
    }
    const batch = evaluatesAgain(optimizer) ? this.#batch! : [];
    return { loss, norm: this.#apply(grads, measuresNorm, ...batch) };
  }

  /** Whether all gradients of the step are finite; the loss is read in the same wait. */
  async #areFinite(loss: tf.Scalar): Promise<boolean> {
    const gradSums = this.#gradSums;
    this.#gradSums = [];
    const [, ...values] = await Promise.all(
      [loss, ...gradSums].map((x) => x.data()),
    );
    tf.dispose(gradSums);
    const areFinite = values.every((value) => Number.isFinite(value[0]));
    return this.#team ? this.#team.all(areFinite) : areFinite;
  }

  get report(): CompileReport | undefined {
    return this.#gradient.report?.();
  }

  dispose(): void {
    this.#mean.dispose();
    tf.dispose(this.#gradSums);
    this.lossScale?.dispose();
    for (const writes of this.#taken()) writes.commit();
    this.#gradient.dispose?.();
    this.#apply.dispose?.();
  }

  /** The gradients of a batch; what is written to states can be taken back. */
  #noted(batch: B): BatchGradient {
    const writes = transaction(() => this.#gradientOf(batch), true);
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
