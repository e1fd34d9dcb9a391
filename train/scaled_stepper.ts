/**
 * Steps in mixed precision.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { stillOpen } from "../backend/gate.ts";
import type { CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { behindGate } from "../internal/gate.ts";
import { type Transaction, transaction } from "../internal/transaction.ts";
import type { Tensors } from "../tensors.ts";
import { examplesIn } from "./evaluate.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import { GradientMean } from "./gradients.ts";
import { LateRefusal } from "./late_refusal.ts";
import { LossScale } from "./loss_scale.ts";
import { RecentSteps } from "./recent_steps.ts";
import { type ScaledGradient, scaledGradient } from "./scaled_gradient.ts";
import { compiledIf, type Outcome, Stepper } from "./stepper.ts";
import { applyGradients, keepIfOpen } from "./whole_step.ts";

/** What the optimizer's part of a step takes. */
type Applied = readonly [
  /** 1 if the losses of the step and all steps before it count. */
  counted: tf.Scalar,
  grads: Tensors,
  gradSums: readonly tf.Scalar[],
  measuresNorm: boolean,
];

/** What the optimizer's part of a step returns, which the caller owns. */
interface AppliedResult {
  /** 1 if the step counts, else 0. */
  readonly open: tf.Scalar;
  readonly norm: tf.Scalar | undefined;
}

/**
 * Steps with a scaled loss of which nothing is read. On the device, a step with a gradient
 * that is not finite changes no parameter and no slot, and the steps after it change
 * nothing at all. The host takes each step to count, and keeps the batches. Once it has
 * read which steps counted, it takes back the others, changes the scale, and those after
 * the first of them are taken again: so all numbers are as if each step had been read.
 */
export class ScaledStepper<B extends Batch> extends Stepper<B> {
  override readonly late = new LateRefusal();
  override readonly recent = new RecentSteps<B>();
  override readonly lossScale = new LossScale();
  readonly #gradient: ReturnType<
    typeof compiledIf<
      readonly [before: tf.Scalar, ...batch: B],
      readonly [...ScaledGradient, counted: tf.Scalar]
    >
  >;
  readonly #apply: ReturnType<typeof compiledIf<Applied, AppliedResult>>;
  readonly #mean = new GradientMean();
  #gradSums: tf.Scalar[] = [];
  /** 1 if the losses of the batches so far, and all steps before them, count. */
  #counted: tf.Scalar | undefined;
  /** What the batches have written to states, if a step has several. */
  #writes: Transaction<unknown>[] = [];

  constructor(options: FitOptions<B>, onFallback: OnFallback) {
    super(options);
    const { loss, optimizer } = options;
    const gradient = scaledGradient(loss, optimizer, this.lossScale);
    this.#gradient = compiledIf(options, onFallback, (before, ...batch) => {
      const written = transaction(() => gradient(...batch));
      const counted = this.#countedAfter(before, written.value[1]);
      keepIfOpen(written, counted);
      return [...written.value, counted] as const;
    });
    this.#apply = compiledIf(
      options,
      onFallback,
      (counted, grads, gradSums, measuresNorm) => {
        const open = tf.tidy(() => gradSums.reduce(stillOpen, counted));
        const apply = () => applyGradients(options, grads, measuresNorm);
        try {
          return { open, norm: behindGate(open, apply) };
        } catch (error) {
          open.dispose();
          throw error;
        }
      },
    );
  }

  get batches(): number {
    return this.#mean.batches;
  }

  add(batch: B, place: unknown): void {
    const { late, recent } = this;
    const { accumulate = 1, optimizer } = this.options;
    if (this.batches === 0) late.begin(optimizer.schedulers);
    const before = this.#counted ?? late.open;
    const gradient = () => this.#gradient(before, ...batch);
    let result: ReturnType<typeof gradient>;
    try {
      result = late.runGradient(() => {
        if (accumulate === 1) return gradient();
        const writes = transaction(gradient, true);
        this.#writes.push(writes);
        return writes.value;
      });
    } catch (error) {
      late.takeBack(1); // it has no loss by which it could be found later
      recent.cancel();
      throw error;
    }
    const [grads, loss, gradSum, counted] = result;
    this.#counted?.dispose();
    this.#counted = counted;
    this.#gradSums.push(gradSum);
    recent.add(batch, place);
    this.#mean.add(grads, loss, examplesIn(batch), accumulate === 1);
  }

  // deno-lint-ignore require-await -- the others wait
  protected async run(measuresNorm: boolean): Promise<Outcome> {
    const { late, recent, lossScale } = this;
    const { grads, loss } = this.#mean.take();
    const counted = this.#keepWrites(loss);
    try {
      const { open, norm } = late.run(() =>
        this.#apply(counted, grads, this.#gradSums, measuresNorm)
      );
      const scale = lossScale.stateDict();
      late.note(() => lossScale.loadStateDict(scale));
      lossScale.update(true);
      recent.end(open);
      late.open = open;
      return { loss, norm };
    } catch (error) {
      loss.dispose();
      late.takeBack(1);
      recent.cancel();
      throw error;
    } finally {
      tf.dispose([counted, this.#gradSums]);
      this.#gradSums = [];
    }
  }

  get report(): CompileReport | undefined {
    return this.#gradient.report?.();
  }

  dispose(): void {
    this.#mean.dispose();
    tf.dispose([this.#counted ?? [], this.#gradSums]);
    for (const writes of this.#writes.splice(0)) writes.commit();
    this.late.dispose();
    this.recent.dispose();
    this.lossScale.dispose();
    this.#gradient.dispose?.();
    this.#apply.dispose?.();
  }

  #countedAfter(before: tf.Scalar, loss: tf.Scalar): tf.Scalar {
    return this.isWatched ? stillOpen(before, loss) : tf.clone(before);
  }

  /**
   * Keep what the batches of the step have written to states, if their mean loss counts;
   * returns whether it does.
   */
  #keepWrites(loss: tf.Scalar): tf.Scalar {
    let counted = this.#counted!;
    this.#counted = undefined;
    const writes = this.#writes.splice(0).reverse();
    if (writes.length > 0) {
      const before = counted;
      counted = this.#countedAfter(before, loss);
      before.dispose();
      this.late.runGradient(() => {
        for (const written of writes) keepIfOpen(written, counted);
      });
    }
    return counted;
  }
}
