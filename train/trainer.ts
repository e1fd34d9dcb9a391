/**
 * The loop of {@linkcode fit}.
 *
 * @module
 */
import type { Resumable } from "../checkpoint.ts";
import type { Batch } from "../data/batches.ts";
import { firstBatches, type Sized, sizeOf } from "../data/sources.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { Callback, Run } from "./callback.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Clock } from "./clock.ts";
import { evaluate } from "./evaluate.ts";
import type { FailedStep, FitOptions, FitResult } from "./fit_options.ts";
import { onInterrupt } from "./interrupt.ts";
import { isResumable, partsOf } from "./parts.ts";
import { Recorder, type RecorderState } from "./logs/recorder.ts";
import type { RunLog } from "./logs/run_log.ts";
import { type ScheduleUnit, stepSchedulers } from "./schedules.ts";
import { Stepper } from "./stepper.ts";

/** The state of the loop in a checkpoint, as plain data. */
interface Progress extends RecorderState {
  readonly step: number;
  readonly epoch: number;
  /** Batches of the current epoch. */
  readonly batch: number;
}

/** Runs the loop of {@linkcode fit}. */
export class Trainer<B extends Batch> implements Run {
  step = 0;
  epoch = 0;
  readonly optimizer: Optimizer;
  readonly model: Module | undefined;
  readonly epochs: number | undefined;
  readonly totalSteps: number | undefined;
  readonly stepsPerEpoch: number | undefined;

  readonly #options: FitOptions<B>;
  readonly #callbacks: readonly Callback[];
  readonly #data: Sized<B>;
  readonly #logEvery: number;
  /** The largest number of steps and of validation batches of a quick run. */
  readonly #limit: number;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #stepper: Stepper<B>;
  readonly #clock = new Clock();
  readonly #recorder: Recorder;
  /** The loop itself as a part of checkpoints. */
  readonly #state: Resumable = {
    stateDict: () => this.#progress(),
    loadStateDict: (progress: Progress) => this.#load(progress),
  };
  /** Batches of the current epoch. */
  #batch = 0;
  /** The step of the last checkpoint. */
  #saved = -1;
  #reason: string | undefined;
  #paused = false;
  #failed: FailedStep | undefined;

  constructor(options: FitOptions<B>) {
    const { optimizer, fastDevRun = false, overfitBatches } = options;
    this.#options = options;
    this.#callbacks = options.callbacks ?? [];
    this.optimizer = optimizer;
    this.model = options.model;
    this.#data = overfitBatches === undefined
      ? options.data
      : firstBatches(options.data, overfitBatches);
    this.#logEvery = options.logEvery ?? 10;
    this.#limit = Number(fastDevRun) || Infinity; // `true` is 1
    const length = sizeOf(this.#data);
    this.epochs = options.epochs;
    this.stepsPerEpoch = length &&
      Math.ceil(length / (options.accumulate ?? 1));
    const steps = Math.min(
      this.#limit,
      options.steps ?? Infinity,
      (this.epochs ?? Infinity) * (this.stepsPerEpoch ?? Infinity),
    );
    this.totalSteps = Number.isFinite(steps) ? steps : undefined;
    const { name = "run", config = {} } = options;
    this.#recorder = new Recorder(name, config, this.#clock);
    this.#stepper = new Stepper(options);
    this.#checkpoints = options.checkpoint && !fastDevRun
      ? new Checkpoints(options.checkpoint, partsOf(options, this.#state))
      : undefined;
  }

  get log(): RunLog {
    return this.#recorder.log;
  }

  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Stop without a final evaluation, so that a resumed run ends the same way. */
  #pause(reason: string): void {
    this.#paused = this.#reason === undefined;
    this.stop(reason);
  }

  /** Train to the end. */
  async train(): Promise<FitResult> {
    this.#clock.start(0);
    if (this.#options.resume) await this.#checkpoints?.resume();
    this.#recorder.start(this.step);
    const stopListening = this.#checkpoints
      ? onInterrupt(() => this.#pause("interrupted"))
      : () => {};
    try {
      await this.#call((callback) => callback.onStart?.(this));
      while (!this.#over()) await this.#runEpoch();
      await this.#finish();
      await this.#end(this.#reason ?? "done");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // A callback that throws now must not hide the first error.
      await this.#end(`failed: ${message}`).catch(() => {});
      throw error;
    } finally {
      stopListening();
      this.#stepper.dispose();
      this.#recorder.dispose();
      if (this.#data !== this.#options.data) this.#data.dispose?.();
    }
    return {
      step: this.step,
      epoch: this.epoch,
      reason: this.log.end!.reason,
      log: this.log,
      values: this.log.evaluations.at(-1)?.values ?? {},
      ...(this.#failed ? { failed: this.#failed } : {}),
    };
  }

  /** Whether training has ended. */
  #over(): boolean {
    const { steps = Infinity } = this.#options;
    return this.#reason !== undefined ||
      this.step >= Math.min(steps, this.#limit) ||
      this.epoch >= (this.epochs ?? Infinity);
  }

  async #runEpoch(): Promise<void> {
    const length = sizeOf(this.#data);
    let taken = 0;
    for await (const batch of this.#data) {
      taken++;
      this.#batch++;
      this.#stepper.add(batch);
      const last = this.#batch === length;
      if (this.#stepper.isFull || last) await this.#step(batch);
      // An epoch that has had its last batch counts, even if it is the end.
      if (this.#over() && !last) return;
    }
    if (this.#stepper.batches > 0) await this.#step(undefined);
    if (taken === 0 && this.#batch === 0) {
      throw new RangeError("Cannot fit: the data must give a batch");
    }
    this.epoch++;
    this.#batch = 0;
    this.#stepSchedulers("epoch");
    await this.#call((callback) => callback.onEpoch?.(this));
    if (this.#options.evaluateEvery === undefined) await this.#evaluate();
    if (this.#options.checkpoint?.every === undefined) await this.#save();
  }

  async #step(batch: B | undefined): Promise<void> {
    const { evaluateEvery, checkpoint } = this.#options;
    const isLogged = (this.step + 1) % this.#logEvery === 0;
    const taken = await this.#stepper.take(isLogged);
    if ("refused" in taken) return await this.#fail(taken.refused, batch);
    this.#recorder.addStep(taken);
    this.step++;
    this.#stepSchedulers("step");
    this.#options.average?.update();
    await this.#call((callback) => callback.onStep?.(this));
    if (isLogged) await this.#record(taken.lr);
    if (evaluateEvery && this.step % evaluateEvery === 0) {
      await this.#evaluate();
    }
    const { every } = checkpoint ?? {};
    if (every && this.step % every === 0) await this.#save();
    await this.#checkStop();
  }

  /** Stop at the time limit, or if the signal is aborted. */
  async #checkStop(): Promise<void> {
    await this.#clock.turn();
    const { timeLimit = Infinity, signal } = this.#options;
    if (this.#clock.now >= timeLimit) this.stop("time limit");
    if (signal?.aborted) this.#pause("aborted");
  }

  async #record(lr: number): Promise<void> {
    const { record, losses } = await this.#recorder.logSteps(this.#place(), lr);
    await this.#call((callback) => callback.onLog?.(this, record));
    const bad = losses.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0 && this.#options.nan !== "ignore") {
      const step = this.step - losses.length + bad;
      this.#failed = { step, loss: losses[bad]! };
      this.stop(`the loss of step ${step + 1} is ${losses[bad]}`);
    }
  }

  async #evaluate(): Promise<void> {
    const { validation, loss, metrics, average, monitor = "loss" } =
      this.#options;
    if (!validation) return;
    const began = this.#clock.now;
    let values: Readonly<Record<string, number>>;
    average?.swap();
    try {
      const measures = { loss, ...metrics };
      values = await evaluate(validation, measures, { limit: this.#limit });
    } finally {
      average?.swap();
    }
    const record = this.#recorder.logEvaluation(this.#place(), values);
    this.#stepSchedulers("evaluation", {
      name: monitor,
      value: values[monitor],
    });
    await this.#call((callback) => callback.onEvaluation?.(this, record));
    if (this.#checkpoints?.keepsBest) await this.#save();
    this.#recorder.exclude(this.#clock.now - began);
  }

  #stepSchedulers(
    unit: ScheduleUnit,
    metric?: { name: string; value: number | undefined },
  ): void {
    const { schedule = "step" } = this.#options;
    stepSchedulers(this.optimizer, schedule, unit, metric);
  }

  /** The final evaluation and checkpoint. */
  async #finish(): Promise<void> {
    const evaluated = this.log.evaluations.at(-1)?.step === this.step;
    if (!evaluated && !this.#paused && !this.#failed) await this.#evaluate();
    if (!this.#failed) await this.#save();
    if (!this.#paused) await this.#checkpoints?.restoreBest();
    this.#options.average?.swap();
  }

  async #end(reason: string): Promise<void> {
    this.#recorder.logEnd(this.step, reason);
    await this.#call((callback) => callback.onEnd?.(this));
  }

  async #save(): Promise<void> {
    if (!this.#checkpoints || this.#saved === this.step) return;
    await this.#recorder.read();
    const last = this.log.evaluations.at(-1);
    const evaluation = last?.step === this.step ? last : undefined;
    const path = await this.#checkpoints.save(this.step, evaluation);
    this.#saved = this.step;
    await this.#call((callback) => callback.onCheckpoint?.(this, path));
  }

  /** Stop because of a loss that is not finite, and save the states before it. */
  async #fail(loss: number, batch: B | undefined): Promise<void> {
    const step = this.step;
    this.stop(`the loss of step ${step + 1} is ${loss}`);
    this.#failed = { step, loss };
    if (!this.#checkpoints) return;
    const path = await this.#checkpoints.saveFailed(step, batch ?? []);
    this.#failed = { step, loss, path };
  }

  #progress(): Progress {
    const { step, epoch } = this;
    const batch = this.#batch;
    return { step, epoch, batch, ...this.#recorder.stateDict() };
  }

  #load(progress: Progress): void {
    this.step = this.#saved = progress.step;
    this.epoch = progress.epoch;
    // Data that cannot be resumed starts its epoch again.
    this.#batch = isResumable(this.#options.data) ? progress.batch : 0;
    this.#recorder.loadStateDict(progress);
  }

  async #call(
    call: (callback: Callback) => void | Promise<void>,
  ): Promise<void> {
    for (const callback of this.#callbacks) await call(callback);
  }

  #place(): { step: number; epoch: number } {
    const length = sizeOf(this.#data);
    const part = length ? this.#batch / length : 0;
    return { step: this.step, epoch: this.epoch + part };
  }
}
