/**
 * Steps of one batch, each a call of one function.
 *
 * @module
 */
import type { CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import { LateRefusal } from "./late_refusal.ts";
import {
  compiledIf,
  type Outcome,
  type RefusedStep,
  Stepper,
} from "./stepper.ts";
import {
  type GatedResult,
  gatedStep,
  type StepResult,
  wholeStep,
} from "./whole_step.ts";

/** The base: a function is called with each batch. */
abstract class BatchStepper<
  B extends Batch,
  A extends readonly unknown[],
  R extends StepResult,
> extends Stepper<B> {
  /** The function. */
  protected readonly step: ReturnType<typeof compiledIf<A, R>>;
  #batch: B | undefined;

  constructor(
    options: FitOptions<B>,
    onFallback: OnFallback,
    step: (...args: A) => R,
  ) {
    super(options);
    this.step = compiledIf(options, onFallback, step);
  }

  get batches(): number {
    return this.#batch ? 1 : 0;
  }

  add(batch: B): void {
    this.#batch = batch;
  }

  /** The batch that was added, which no step has had. */
  protected taken(): B {
    const batch = this.#batch!;
    this.#batch = undefined;
    return batch;
  }

  get report(): CompileReport | undefined {
    return this.step.report?.();
  }

  dispose(): void {
    this.#batch = undefined;
    this.step.dispose?.();
  }
}

/** Steps whose losses are read at once, unless nobody asks for them. */
export class WholeStepper<B extends Batch> extends BatchStepper<
  B,
  readonly [measuresNorm: boolean, ...B],
  StepResult
> {
  constructor(options: FitOptions<B>, onFallback: OnFallback) {
    const isWatched = options.nan !== "ignore";
    super(options, onFallback, wholeStep(options, isWatched));
  }

  // deno-lint-ignore require-await -- the others wait
  protected async run(
    measuresNorm: boolean,
  ): Promise<Outcome | RefusedStep> {
    const result = this.step(measuresNorm, ...this.taken()), { norm } = result;
    if (!this.isWatched) return result;
    const loss = result.loss.dataSync()[0]!;
    result.loss.dispose();
    if (Number.isFinite(loss)) return { loss, norm };
    norm?.dispose();
    return { refused: loss };
  }
}

/**
 * Steps on a backend that does not read at once: losses are read late, and steps that are
 * refused then have changed nothing on the device.
 */
export class LateStepper<B extends Batch> extends BatchStepper<
  B,
  Parameters<ReturnType<typeof gatedStep<B>>>,
  GatedResult
> {
  override readonly late = new LateRefusal();

  constructor(options: FitOptions<B>, onFallback: OnFallback) {
    super(options, onFallback, gatedStep(options));
  }

  // deno-lint-ignore require-await -- the others wait
  protected async run(measuresNorm: boolean): Promise<Outcome> {
    const { late } = this;
    late.begin(this.options.optimizer.schedulers);
    try {
      const { loss, norm, open } = late.run(() =>
        this.step(measuresNorm, late.open, ...this.taken())
      );
      late.open = open;
      return { loss, norm };
    } catch (error) {
      late.takeBack(1); // it has no loss by which it could be found later
      throw error;
    }
  }

  override dispose(): void {
    super.dispose();
    this.late.dispose();
  }
}
