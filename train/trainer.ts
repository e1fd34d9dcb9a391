/**
 * The loop of {@linkcode fit}.
 *
 * @module
 */
import type { CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { FirstBatches } from "../data/first_batches.ts";
import {
  type BatchSource,
  latestTensor,
  noBatch,
  passOver,
  sizeOf,
} from "../data/sources.ts";
import { type Callback, endAll } from "./callback.ts";
import { Clock } from "./clock.ts";
import { warnOnce } from "./fallbacks.ts";
import type { FailedStep, FitOptions, FitResult } from "./fit_options.ts";
import { onInterrupt } from "./interrupt.ts";
import { RunSaver } from "./run_saver.ts";
import { Recorder } from "./logs/recorder.ts";
import type { RefusedStep, Stepper } from "./stepper.ts";
import { stepperFor } from "./stepper_for.ts";
import { TrainingRun } from "./training_run.ts";
import { measuresAt, Validation } from "./validation.ts";

/** Runs the loop of {@linkcode fit}. */
export class Trainer<B extends Batch> {
  readonly #options: FitOptions<B>;
  readonly #callbacks: readonly Callback[];
  readonly #data: BatchSource<B>;
  /** The id of the latest tensor before training; those after it may be freed. */
  readonly #since = latestTensor();
  readonly #logEvery: number;
  readonly #saver: RunSaver<B> | undefined;
  readonly #stepper: Stepper<B>;
  readonly #validation: Validation<B>;
  readonly #clock = new Clock();
  readonly #recorder: Recorder;
  readonly #run: TrainingRun<B>;
  /** The step of the model that was restored at the end. */
  #restored: number | undefined;
  /** The measures of averaged weights with running statistics of their own. */
  #refreshed: Readonly<Record<string, number>> | undefined;
  /** The learning rate of the last step. */
  #lr = 0;
  #failed: FailedStep | undefined;
  #hasEnded = false;

  constructor(options: FitOptions<B>) {
    const { fastDevRun = false, overfitBatches } = options;
    this.#options = options;
    this.#callbacks = options.callbacks ?? [];
    this.#data = overfitBatches === undefined
      ? options.data
      : new FirstBatches(options.data, overfitBatches);
    this.#logEvery = options.logEvery ?? 10;
    const { name = "run", config = {}, checkpoint } = options;
    this.#recorder = new Recorder(name, config, this.#clock);
    this.#run = new TrainingRun(options, this.#data, this.#recorder);
    const onFallback = warnOnce();
    this.#stepper = stepperFor(options, onFallback);
    const { limit } = this.#run.totals;
    this.#validation = new Validation(options, limit, onFallback);
    if (checkpoint && !fastDevRun) {
      this.#saver = new RunSaver(
        { ...options, checkpoint },
        this.#data,
        this.#run.counters,
        this.#recorder,
        this.#run.measures,
        this.#stepper.lossScale,
      );
    }
  }

  /** Train to the end. */
  async train(): Promise<FitResult> {
    const { resume = false } = this.#options;
    for (const callback of this.#callbacks) callback.check?.(this.#run);
    await this.#saver?.prepare(resume);
    this.#clock.start(0);
    if (resume) {
      await this.#saver?.resume();
      this.#lr = this.#run.optimizer.getLastLr()[0] ?? 0;
    }
    this.#recorder.start(this.#run.step);
    const stopListening = this.#saver
      ? onInterrupt(() => this.#run.pause("interrupted"))
      : () => {};
    const { average, compile = false } = this.#options;
    const updates = compile ? average?.compile() : undefined;
    let compiled: CompileReport | undefined;
    try {
      await this.#call((callback) => callback.onStart?.(this.#run));
      while (!this.#run.isOver) await this.#runEpoch();
      await this.#finish();
      await this.#end(this.#run.reason ?? "done");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // Steps from a bad loss on must not count; and nothing hides the first error.
      await this.#verify().catch(() => {});
      await this.#end(`failed: ${message}`).catch(() => {});
      throw error;
    } finally {
      stopListening();
      updates?.[Symbol.dispose]();
      compiled = this.#stepper.report;
      this.#stepper.dispose();
      this.#validation.dispose();
      this.#recorder.dispose();
      if (this.#data instanceof FirstBatches) this.#data.dispose();
    }
    return {
      ...this.#run.summary,
      values: {
        ...measuresAt(this.#run.log, this.#restored ?? this.#run.step),
        ...this.#refreshed,
      },
      ...(compiled ? { compiled } : {}),
      ...(this.#failed ? { failed: this.#failed } : {}),
    };
  }

  async #runEpoch(): Promise<void> {
    const length = sizeOf(this.#data);
    let taken = 0;
    for await (const batch of passOver("fit", this.#data, this.#since)) {
      this.#saver?.notePlace();
      taken++;
      this.#run.counters.batch++;
      this.#stepper.add(batch);
      const last = this.#run.counters.batch === length;
      if (this.#stepper.isFull || last) await this.#step(batch);
      // An epoch that has had its last batch counts, even if it is the end.
      if (this.#run.isOver && !last) return;
    }
    if (this.#stepper.batches > 0) await this.#step(undefined);
    await this.#verify();
    // Steps that were taken back, here or with the last step, leave it unfinished.
    const isTakenBack = this.#stepper.late && this.#failed;
    if (isTakenBack && this.#run.counters.batch !== length) return;
    if (taken === 0 && this.#run.counters.batch === 0) {
      throw noBatch("fit", this.#data);
    }
    this.#saver?.notePlace();
    this.#run.counters.epoch++;
    this.#run.counters.batch = 0;
    await this.#recorder.endEpoch();
    this.#run.stepSchedulers("epoch");
    if (this.#run.isOver) await this.#recordRest();
    const evaluates = this.#options.evaluateEvery === undefined;
    if (evaluates) await this.#evaluate();
    await this.#call((callback) => callback.onEpoch?.(this.#run));
    if (evaluates) await this.#save(this.#saver?.saveEvaluated());
    if (this.#options.checkpoint?.every === undefined) {
      await this.#save(this.#saver?.save());
    }
  }

  async #step(batch: B | undefined): Promise<void> {
    const { evaluateEvery, checkpoint } = this.#options;
    const isLogged = (this.#run.step + 1) % this.#logEvery === 0;
    const isLast = this.#run.step + 1 === this.#run.totalSteps;
    const taken = await this.#stepper.take(isLogged || isLast);
    if ("refused" in taken) return await this.#refuse(taken, batch);
    this.#lr = taken.lr;
    this.#recorder.addStep(taken);
    if (isLast && !isLogged) await this.#recorder.readNorm();
    this.#run.count(this.#stepper.late);
    await this.#call((callback) => callback.onStep?.(this.#run));
    const { step, isOver } = this.#run, { every = 0 } = checkpoint ?? {};
    const isEvaluated = evaluateEvery && step % evaluateEvery === 0;
    const isSaved = every && step % every === 0;
    if (isLogged || isLast || isOver || isEvaluated || isSaved) {
      if (await this.#verify()) return;
    }
    if (isLogged) await this.#record(false);
    else if (isLast || isOver) await this.#recordRest();
    if (isEvaluated) {
      await this.#evaluate();
      await this.#save(this.#saver?.saveEvaluated());
    }
    if (isSaved) await this.#save(this.#saver?.save());
    await this.#checkStop();
  }

  /**
   * Where losses are read late: read them. If one is not finite, its step and those after
   * it are taken back, and training stops. Returns whether that was so.
   */
  async #verify(): Promise<boolean> {
    const { late } = this.#stepper;
    if (!late || this.#failed) return false;
    const losses = await this.#recorder.read();
    const bad = losses.findIndex((x) => !Number.isFinite(x));
    if (bad < 0) {
      late.confirm();
      return false;
    }
    const loss = losses[bad]!;
    late.takeBack(losses.length - bad);
    this.#recorder.forget(bad);
    this.#lr = this.#run.optimizer.getLastLr()[0] ?? 0;
    await this.#fail(loss, []);
    return true;
  }

  /** Stop at the time limit, or if the signal is aborted. */
  async #checkStop(): Promise<void> {
    await this.#clock.turn();
    const { timeLimit = Infinity, signal } = this.#options;
    if (this.#clock.now >= timeLimit) this.#run.stop("time limit");
    if (signal?.aborted) this.#run.pause("aborted");
  }

  /** Log the last steps, if they are fewer than `logEvery`. */
  async #recordRest(): Promise<void> {
    if (this.#recorder.hasRest) await this.#record(true);
  }

  async #record(isRest: boolean): Promise<void> {
    const record = await this.#recorder.logSteps(
      this.#run.position,
      this.#lr,
      isRest,
    );
    await this.#call((callback) => callback.onLog?.(this.#run, record));
  }

  async #evaluate(): Promise<void> {
    const began = this.#clock.now;
    const measured = await this.#validation.measure();
    if (!measured) return;
    const record = this.#recorder.logEvaluation(this.#run.position, measured);
    const monitored = record.values[this.#options.monitor ?? "loss"];
    this.#run.stepSchedulers("evaluation", monitored);
    await this.#call((callback) => callback.onEvaluation?.(this.#run, record));
    this.#recorder.exclude(this.#clock.now - began);
  }

  /** The final evaluation and checkpoint. */
  async #finish(): Promise<void> {
    await this.#verify();
    await this.#recordRest();
    const evaluated = this.#run.log.evaluations.at(-1)?.step === this.#run.step;
    if (!evaluated && !this.#run.isPaused && !this.#failed) {
      await this.#evaluate();
      await this.#save(this.#saver?.saveEvaluated());
    }
    if (!this.#failed) await this.#save(this.#saver?.save());
    if (!this.#run.isPaused) this.#restored = await this.#saver?.restoreBest();
    const { average } = this.#options;
    if (!average) return;
    average.swap();
    if (this.#run.isPaused || this.#failed) return;
    this.#refreshed = await this.#validation.measureAveraged();
  }

  async #end(reason: string): Promise<void> {
    this.#recorder.logEnd(this.#run.step, reason);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await endAll(this.#callbacks, this.#run);
  }

  /** Tell the callbacks of a checkpoint. */
  async #save(saved: Promise<string | undefined> | undefined): Promise<void> {
    const path = await saved;
    if (path === undefined) return;
    await this.#call((callback) => callback.onCheckpoint?.(this.#run, path));
  }

  /** Skip a step that was refused, or stop because of it. */
  async #refuse(
    { refused, isOverflow }: RefusedStep,
    batch: B | undefined,
  ): Promise<void> {
    if (!isOverflow && this.#options.nan !== "skip") {
      return await this.#fail(refused, batch ?? []);
    }
    this.#run.skip(isOverflow ? "gradients" : "losses");
    await this.#checkStop();
  }

  /** Stop since the loss of the next step is not finite, and save what there is. */
  async #fail(loss: number, batch: Batch): Promise<void> {
    const { step } = this.#run;
    this.#run.fail(`the loss of step ${step + 1} is ${loss}`);
    this.#failed = { step, loss };
    const path = await this.#saver?.saveFailed(batch);
    if (path) this.#failed = { step, loss, path };
  }

  async #call(
    call: (callback: Callback) => void | Promise<void>,
  ): Promise<void> {
    for (const callback of this.#callbacks) await call(callback);
  }
}
