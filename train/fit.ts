/**
 * The training loop.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { clipGradNorm, globalNorm, grad } from "../autodiff/mod.ts";
import type { Parts } from "../checkpoint.ts";
import { environ } from "../environ.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import * as random from "../random.ts";
import type { Tensors } from "../tensors.ts";
import type { Batch } from "../data/batches.ts";
import type { Callback, Run } from "./callback.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Clock } from "./clock.ts";
import { evaluate, examplesIn } from "./evaluate.ts";
import {
  checkFitOptions,
  type FailedStep,
  type FitOptions,
  type FitResult,
} from "./fit_options.ts";
import { clipByValue, GradientSum } from "./gradients.ts";
import { onInterrupt } from "./interrupt.ts";
import { Recorder, type RecorderState } from "./logs/recorder.ts";
import type { RunLog } from "./logs/run_log.ts";
import { type ScheduleUnit, stepSchedulers } from "./schedules.ts";
import { firstBatches, type Sized, sizeOf } from "../data/sources.ts";

/**
 * Train.
 *
 * Each step computes the gradients of `loss` in the parameters of the optimizer,
 * with `fit` true in the environment, and applies them; then the schedulers go
 * on. Losses are read from the device every `logEvery` steps only (each step on
 * backends where reading costs nothing). With `checkpoint`, a run that was
 * killed and resumed ends with the same bits as one that was not, and an
 * interrupt (Ctrl+C) ends training with a checkpoint.
 *
 * @example Usage
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const x = train.column(Float32Array.of(0, 1, 2, 3), [1]);
 * const y = train.column(Float32Array.of(1, 3, 5, 7), [1]);
 * const { values } = await train.fit({
 *   optimizer: new optim.SGD({ lr: 0.1 })
 *     .registerTrainableWeights(model.states(ParamState)),
 *   loss: (x, y) => tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
 *   data: train.batches([x, y], { batchSize: 2, shuffle: true }),
 *   validation: train.batches([x, y]),
 *   epochs: 50,
 * });
 * assert(values.loss! < 0.01);
 * ```
 *
 * @typeParam B The tensors of a batch.
 * @param options See {@linkcode FitOptions}.
 * @returns How it went. That a loss was not finite is told there; errors of
 *   `loss`, of the data or of a callback are thrown.
 * @throws {RangeError} If an option is out of range, before anything changes.
 */
export async function fit<B extends Batch>(
  options: FitOptions<B>,
): Promise<FitResult> {
  checkFitOptions(options);
  return await new Fit(options).run();
}

/** What a checkpoint holds of the loop itself, as plain data. */
interface Progress extends RecorderState {
  readonly step: number;
  readonly epoch: number;
  /** Batches of the epoch under way. */
  readonly batch: number;
}

class Fit<B extends Batch> implements Run {
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
  readonly #accumulate: number;
  /** The most steps, and batches of validation, of a quick run. */
  readonly #limit: number;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #lossGrad: (...batch: B) => [grads: Tensors, loss: tf.Scalar];
  /** Whether each loss is looked at before its step is applied. */
  readonly #watch: boolean;
  readonly #clock = new Clock();
  readonly #recorder: Recorder;
  readonly #sum = new GradientSum();
  /** Batches of the epoch under way. */
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
    this.#accumulate = options.accumulate ?? 1;
    this.#logEvery = options.logEvery ?? 10;
    this.#limit = Number(fastDevRun) || Infinity; // `true` is 1
    const length = sizeOf(this.#data);
    this.epochs = options.epochs;
    this.stepsPerEpoch = length && Math.ceil(length / this.#accumulate);
    const steps = Math.min(
      this.#limit,
      options.steps ?? Infinity,
      (this.epochs ?? Infinity) * (this.stepsPerEpoch ?? Infinity),
    );
    this.totalSteps = Number.isFinite(steps) ? steps : undefined;
    const { name = "run", config = {} } = options;
    this.#recorder = new Recorder(name, config, this.#clock);
    this.#watch = options.nan !== "ignore" && tf.getBackend() !== "webgpu";
    this.#lossGrad = grad((...batch: B) => options.loss(...batch), {
      states: optimizer.paramStates,
      returnValue: true,
    });
    this.#checkpoints = options.checkpoint && !fastDevRun
      ? new Checkpoints(options.checkpoint, this.#parts())
      : undefined;
  }

  get log(): RunLog {
    return this.#recorder.log;
  }

  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Stop, to be resumed: nothing is done that would not have been done then. */
  #pause(reason: string): void {
    this.#paused = this.#reason === undefined;
    this.stop(reason);
  }

  async run(): Promise<FitResult> {
    this.#clock.start(0);
    if (this.#options.resume) await this.#checkpoints?.resume();
    this.#recorder.start(this.step);
    const deaf = this.#checkpoints
      ? onInterrupt(() => this.#pause("interrupted"))
      : () => {};
    try {
      await this.#call((callback) => callback.onStart?.(this));
      while (!this.#over()) await this.#runEpoch();
      await this.#finish();
      await this.#end(this.#reason ?? "done");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // A callback that fails now as well must not hide what went wrong first.
      await this.#end(`failed: ${message}`).catch(() => {});
      throw error;
    } finally {
      deaf();
      this.#sum.dispose();
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

  /** Whether the last step has been taken. */
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
      this.#addBatch(batch);
      const last = this.#batch === length;
      if (this.#sum.batches === this.#accumulate || last) {
        await this.#applyStep(batch);
      }
      // After its last batch an epoch ends by itself, and counts.
      if (this.#over() && !last) return;
    }
    if (this.#sum.batches > 0) await this.#applyStep(undefined);
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

  #addBatch(batch: B): void {
    const [grads, loss] = environ.context(
      { fit: true },
      () => this.#lossGrad(...batch),
    );
    const alone = this.#accumulate === 1;
    this.#sum.add(grads, loss, examplesIn(batch), alone);
  }

  async #applyStep(batch: B | undefined): Promise<void> {
    const { clipNorm, clipValue, evaluateEvery, checkpoint } = this.#options;
    const { loss, ...taken } = this.#sum.take();
    let { grads } = taken;
    if (this.#watch) {
      const value = (await loss.data())[0]!;
      if (!Number.isFinite(value)) {
        tf.dispose([{ ...grads }, loss]);
        return await this.#fail(value, batch);
      }
    }
    this.#recorder.addLoss(loss);
    const isLogged = (this.step + 1) % this.#logEvery === 0;
    if (clipValue !== undefined) grads = clipByValue(grads, clipValue);
    if (clipNorm !== undefined) {
      const clipped = clipGradNorm(grads, clipNorm);
      grads = clipped.grads;
      this.#recorder.setNorm(clipped.norm);
    } else if (isLogged) {
      this.#recorder.setNorm(globalNorm(grads));
    }
    this.optimizer.step(grads);
    this.step++;
    const lr = this.optimizer.getLastLr()[0] ?? 0;
    this.#stepSchedulers("step");
    this.#options.average?.update();
    await this.#call((callback) => callback.onStep?.(this));
    if (isLogged) await this.#record(lr);
    if (evaluateEvery && this.step % evaluateEvery === 0) {
      await this.#evaluate();
    }
    const { every } = checkpoint ?? {};
    if (every && this.step % every === 0) await this.#save();
    await this.#look();
  }

  /** Look at clock and signal. */
  async #look(): Promise<void> {
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
    this.#recorder.leaveOut(this.#clock.now - began);
  }

  #stepSchedulers(
    unit: ScheduleUnit,
    metric?: { name: string; value: number | undefined },
  ): void {
    const { schedule = "step" } = this.#options;
    stepSchedulers(this.optimizer, schedule, unit, metric);
  }

  /** Leave everything as it should be when training ends. */
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

  /** End because of a loss, and save what led to it. */
  async #fail(loss: number, batch: B | undefined): Promise<void> {
    const step = this.step;
    this.stop(`the loss of step ${step + 1} is ${loss}`);
    this.#failed = { step, loss };
    if (!this.#checkpoints) return;
    const tensors = await Promise.all(
      (batch ?? []).map(async (x) => ({
        shape: x.shape,
        values: await x.data() as Float32Array | Int32Array,
      })),
    );
    const path = await this.#checkpoints.saveFailed(step, { batch: tensors });
    this.#failed = { step, loss, path };
  }

  /** Everything that the rest of the run depends on. */
  #parts(): Parts {
    const { model, optimizer, data, average } = this.#options;
    return {
      model: model ?? optimizer.paramStates,
      optimizer,
      random: random.default,
      progress: {
        stateDict: () => this.#progress(),
        loadStateDict: (progress: Progress) => this.#load(progress),
      },
      ...this.#options.random,
      ...(isResumable(data) ? { data } : {}),
      ...(average ? { average } : {}),
    };
  }

  #progress(): Progress {
    const { step, epoch } = this;
    const batch = this.#batch;
    return { step, epoch, batch, ...this.#recorder.stateDict() };
  }

  #load(progress: Progress): void {
    this.step = this.#saved = progress.step;
    this.epoch = progress.epoch;
    // Data that cannot go on where it was begins the epoch anew.
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

function isResumable(x: unknown): x is Parts[string] {
  return typeof x === "object" && x !== null && "stateDict" in x &&
    "loadStateDict" in x;
}
