/**
 * The steps of training: from batches to changed parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { readsAtOnce } from "../backend/read.ts";
import { compile, type Compiled, type CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { LBFGS, type Optimizer } from "../optim/mod.ts";
import { compiledByTests } from "../internal/recording.ts";
import type { Tensors } from "../tensors.ts";
import { type Transaction, transaction } from "../internal/transaction.ts";
import { examplesIn } from "./evaluate.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import { GradientMean } from "./gradients.ts";
import { lossGradient } from "./step.ts";
import { applyGradients, type StepResult, wholeStep } from "./whole_step.ts";

/** What a step has computed. */
interface Outcome {
  /** Its mean loss: the number if it was read, or a tensor that the caller owns. */
  readonly loss: tf.Scalar | number;
  /** The norm of its gradients if it was computed, which the caller owns. */
  readonly norm: tf.Scalar | undefined;
}

/** A step that was taken. */
export interface TakenStep extends Outcome {
  /** The learning rate of the first group. */
  readonly lr: number;
}

/** A step that was not taken, since its loss is not a finite number. */
export interface RefusedStep {
  /** Its mean loss. */
  readonly refused: number;
}

/** Takes the steps of {@linkcode fit}, each of one or several batches. */
export abstract class Stepper<B extends Batch> {
  /** The options of the run. */
  protected readonly options: FitOptions<B>;
  /** Whether each loss is read before its step is applied. */
  protected readonly isWatched: boolean;

  /** Take steps as `options` say. */
  constructor(options: FitOptions<B>) {
    this.options = options;
    this.isWatched = isWatched(options);
  }

  /** Batches added since the last step. */
  abstract readonly batches: number;

  /** Whether there are enough batches for a step. */
  get isFull(): boolean {
    return this.batches === (this.options.accumulate ?? 1);
  }

  /** Add a batch. */
  abstract add(batch: B): void;

  /**
   * Apply the mean gradient of the batches added. If their mean loss is not finite,
   * nothing changes, and what the loss wrote to states is taken back.
   *
   * @param measuresNorm Whether to compute the norm of the gradients.
   */
  async take(measuresNorm: boolean): Promise<TakenStep | RefusedStep> {
    const { gradClipNorm, optimizer } = this.options;
    // With clipping the norm is computed in any case.
    const result = await this.run(measuresNorm && gradClipNorm === undefined);
    if ("refused" in result) return result;
    return { ...result, lr: optimizer.getLastLr()[0] ?? 0 };
  }

  /** See `take`. */
  protected abstract run(
    measuresNorm: boolean,
  ): Promise<Outcome | RefusedStep>;

  /** What was replayed, if steps are compiled. */
  abstract readonly report: CompileReport | undefined;

  /** Free what was added, and programs. */
  abstract dispose(): void;
}

/** The stepper for the options of a run. */
export function stepperFor<B extends Batch>(
  options: FitOptions<B>,
  onFallback: OnFallback,
): Stepper<B> {
  const { accumulate = 1, optimizer } = options;
  // Only then is each step a function that does not wait.
  const isWhole = accumulate === 1 && !hasLineSearch(optimizer) &&
    !(isWatched(options) && !readsAtOnce());
  return isWhole
    ? new WholeStepper(options, onFallback)
    : new PartStepper(options, onFallback);
}

/** Options that do not depend on the batches. */
type Settings = Pick<FitOptions<Batch>, "nan" | "compile">;

function isWatched({ nan = "stop" }: Settings): boolean {
  return nan === "skip" || nan === "stop" && readsAtOnce();
}

/** `fn`, compiled if the option says so. */
function compiledIf<A extends readonly unknown[], R>(
  { compile: isCompiled }: Settings,
  onFallback: OnFallback,
  fn: (...args: A) => R,
): ((...args: A) => R) & Partial<Compiled<A, R>> {
  return isCompiled ? compile(fn, { onFallback }) : compiledByTests(fn);
}

/** Steps of one batch, each a call of one function. */
class WholeStepper<B extends Batch> extends Stepper<B> {
  readonly #step: ReturnType<
    typeof compiledIf<readonly [measuresNorm: boolean, ...B], StepResult>
  >;
  #batch: B | undefined;

  constructor(options: FitOptions<B>, onFallback: OnFallback) {
    super(options);
    this.#step = compiledIf(
      options,
      onFallback,
      wholeStep(options, this.isWatched),
    );
  }

  get batches(): number {
    return this.#batch ? 1 : 0;
  }

  add(batch: B): void {
    this.#batch = batch;
  }

  // deno-lint-ignore require-await -- the others wait
  protected async run(
    measuresNorm: boolean,
  ): Promise<Outcome | RefusedStep> {
    const batch = this.#batch!;
    this.#batch = undefined;
    const result = this.#step(measuresNorm, ...batch), { norm } = result;
    if (!this.isWatched) return result;
    const loss = result.loss.dataSync()[0]!;
    result.loss.dispose();
    if (Number.isFinite(loss)) return { loss, norm };
    norm?.dispose();
    return { refused: loss };
  }

  get report(): CompileReport | undefined {
    return this.#step.report?.();
  }

  dispose(): void {
    this.#batch = undefined;
    this.#step.dispose?.();
  }
}

/** Steps of several batches, and those that wait for the device between their parts. */
class PartStepper<B extends Batch> extends Stepper<B> {
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
