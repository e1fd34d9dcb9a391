/**
 * The steps of training: from batches to changed parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { clipGradNorm, globalNorm } from "../autodiff/mod.ts";
import type { Batch } from "../data/batches.ts";
import type { Tensors } from "../tensors.ts";
import { examplesIn } from "./evaluate.ts";
import type { FitOptions } from "./fit_options.ts";
import { clipByValue, GradientMean } from "./gradients.ts";
import { lossGradient } from "./step.ts";
import { Undo } from "./undo.ts";

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
  readonly #undo = new Undo();

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
      ? this.#undo.note(() => this.#gradient(...batch))
      : this.#gradient(...batch);
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
        this.#undo.takeBack();
        return { refused: value };
      }
      this.#undo.keep();
    }
    const clipped = this.#clip(grads, measuresNorm);
    optimizer.step(clipped.grads);
    return { loss, norm: clipped.norm, lr: optimizer.getLastLr()[0] ?? 0 };
  }

  /** Free what was added. */
  dispose(): void {
    this.#mean.dispose();
    this.#undo.keep();
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
