/**
 * The steps of training: from batches to changed parameters.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { compile, type Compiled, type CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { compiledByTests } from "../internal/recording.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import type { LossScale } from "./loss_scale.ts";
import type { LateRefusal } from "./late_refusal.ts";
import type { RecentSteps } from "./recent_steps.ts";

/** What a step has computed. */
export interface Outcome {
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

/** A step that was not taken, since its loss or a gradient is not a finite number. */
export interface RefusedStep {
  /** Its mean loss. */
  readonly refused: number;
  /** Whether the loss is scaled, and finite: a gradient is not. */
  readonly isOverflow?: boolean;
}

/** Takes the steps of {@linkcode fit}, each of one or several batches. */
export abstract class Stepper<B extends Batch> {
  /** The options of the run. */
  protected readonly options: FitOptions<B>;
  /** Whether a step whose loss is not finite is refused. */
  protected readonly isWatched: boolean;

  /** Take steps as `options` say. */
  constructor(options: FitOptions<B>) {
    this.options = options;
    this.isWatched = options.nan !== "ignore";
  }

  /** Batches added since the last step. */
  abstract readonly batches: number;

  /** Whether there are enough batches for a step. */
  get isFull(): boolean {
    return this.batches === (this.options.accumulate ?? 1);
  }

  /** Add a batch, and where the data is after it. */
  abstract add(batch: B, place: unknown): void;

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

  /** What takes steps back whose losses are read late, if they are. */
  readonly late: LateRefusal | undefined = undefined;

  /** What keeps the batches of such steps, if those may have to be taken again. */
  readonly recent: RecentSteps<B> | undefined = undefined;

  /** The scale of the loss, in mixed precision. */
  readonly lossScale: LossScale | undefined = undefined;

  /** What was replayed, if steps are compiled. */
  abstract readonly report: CompileReport | undefined;

  /** Free what was added, and programs. */
  abstract dispose(): void;
}

/** Options that do not depend on the batches. */
type Settings = Pick<FitOptions<Batch>, "compile">;

/** `fn`, compiled if the option says so. */
export function compiledIf<A extends readonly unknown[], R>(
  { compile: isCompiled }: Settings,
  onFallback: OnFallback,
  fn: (...args: A) => R,
): ((...args: A) => R) & Partial<Compiled<A, R>> {
  return isCompiled ? compile(fn, { onFallback }) : compiledByTests(fn);
}
