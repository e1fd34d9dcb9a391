/**
 * The loop of {@linkcode fit}.
 *
 * @module
 */
import { compile, type CompileReport } from "../compile.ts";
import type { Batch } from "../data/batch.ts";
import { FirstBatches } from "../data/first_batches.ts";
import {
  type BatchSource,
  latestTensor,
  noBatch,
  passOver,
  sizeOf,
} from "../data/sources.ts";
import { Callbacks } from "./callbacks.ts";
import { Clock } from "./clock.ts";
import { warnOnce } from "./fallbacks.ts";
import { averaging, evaluationWeights } from "./evaluation_weights.ts";
import { Feed } from "./feed.ts";
import type { FitOptions, FitResult } from "./fit_options.ts";
import { onInterrupt } from "./interrupt.ts";
import { Journal } from "./journal.ts";
import { Refusals } from "./refusals.ts";
import { RunParts } from "./run_parts.ts";
import { RunSaver } from "./run_saver.ts";
import { Recorder } from "./logs/recorder.ts";
import type { Stepper } from "./stepper.ts";
import { stepperFor } from "./stepper_for.ts";
import { onFirst, type Team } from "./team.ts";
import { teamFor } from "./team_for.ts";
import { TrainingRun } from "./training_run.ts";
import { measuresAt, Validation } from "./validation.ts";

/** Runs the loop of {@linkcode fit}. */
export class Trainer<B extends Batch> {
  readonly #options: FitOptions<B>;
  readonly #callbacks: Callbacks;
  readonly #data: BatchSource<B>;
  /** The id of the latest tensor before training; those after it may be freed. */
  readonly #since = latestTensor();
  /** The other processes, if there are any. */
  readonly #team: Team | undefined;
  readonly #parts: RunParts<B>;
  readonly #saver: RunSaver<B> | undefined;
  readonly #stepper: Stepper<B>;
  readonly #validation: Validation<B>;
  readonly #clock = new Clock();
  readonly #recorder: Recorder;
  readonly #run: TrainingRun<B>;
  readonly #journal: Journal<B>;
  readonly #refusals: Refusals<B>;
  readonly #feed: Feed<B>;
  /** The step of the model that was restored at the end. */
  #restored: number | undefined;
  /** The measures of averaged weights with running statistics of their own. */
  #refreshed: Readonly<Record<string, number>> | undefined;

  constructor(options: FitOptions<B>) {
    const { fastDevRun = false, overfitBatches } = options;
    this.#options = options;
    this.#data = overfitBatches === undefined
      ? options.data
      : new FirstBatches(options.data, overfitBatches);
    const { name = "run", config = {}, checkpoint } = options;
    this.#recorder = new Recorder(name, config, this.#clock);
    this.#run = new TrainingRun(options, this.#data, this.#recorder);
    const onFallback = warnOnce();
    const { totals: { limit }, measures } = this.#run;
    this.#team = teamFor(options, () => this.#parts.place);
    const callbacks = this.#team?.isFirst ?? true ? options.callbacks : [];
    this.#callbacks = new Callbacks(callbacks, this.#run);
    this.#stepper = stepperFor(options, onFallback, this.#team);
    this.#validation = new Validation(options, limit, onFallback);
    this.#journal = new Journal({
      run: this.#run,
      recorder: this.#recorder,
      clock: this.#clock,
      callbacks: this.#callbacks,
      validation: this.#validation,
      team: this.#team,
      monitor: options.monitor,
    });
    const loop = {
      data: this.#data,
      counters: this.#run.counters,
      recorder: this.#recorder,
      lossScale: this.#stepper.lossScale,
      team: this.#team,
    };
    const run = this.#parts = new RunParts(options, loop);
    if (checkpoint && !fastDevRun) {
      const saved = { ...loop, run, measures };
      this.#saver = new RunSaver({ ...options, checkpoint }, saved);
    }
    this.#feed = new Feed(this.#stepper, run, loop.counters);
    this.#refusals = new Refusals({
      run: this.#run,
      recorder: this.#recorder,
      journal: this.#journal,
      stepper: this.#stepper,
      saver: this.#saver,
      team: this.#team,
      nan: options.nan,
    });
  }

  /** Train to the end. */
  async train(): Promise<FitResult> {
    try {
      await this.#begin();
    } catch (error) {
      this.#dispose();
      throw error;
    }
    const stopListening = this.#saver
      ? onInterrupt(() => this.#run.pause("interrupted"))
      : () => {};
    const { average, compile: isCompiled = false } = this.#options;
    const updates = isCompiled ? average?.compile(compile) : undefined;
    let compiled: CompileReport | undefined;
    try {
      await this.#callbacks.call((callback, run) => callback.onStart?.(run));
      this.#vote();
      while (!this.#run.isOver) await this.#runEpoch();
      await this.#finish();
      this.#recorder.logEnd(this.#run.step, this.#run.reason ?? "done");
      await onFirst(this.#team, () => this.#callbacks.end());
    } catch (error) {
      this.#team?.fail(error);
      const message = error instanceof Error ? error.message : String(error);
      // Steps from a bad loss on must not count; and nothing hides the first error.
      await this.#refusals.verify().catch(() => {});
      this.#recorder.logEnd(this.#run.step, `failed: ${message}`);
      await this.#callbacks.end().catch(() => {});
      throw error;
    } finally {
      stopListening();
      updates?.[Symbol.dispose]();
      compiled = this.#stepper.report;
      this.#dispose();
    }
    return {
      ...this.#run.summary,
      values: {
        ...measuresAt(this.#run.log, this.#restored ?? this.#run.step),
        ...this.#refreshed,
      },
      ...(compiled ? { compiled } : {}),
      ...(this.#refusals.failed ? { failed: this.#refusals.failed } : {}),
    };
  }

  #dispose(): void {
    this.#stepper.dispose();
    this.#validation.dispose();
    this.#team?.dispose();
    this.#recorder.dispose();
    if (this.#data instanceof FirstBatches) this.#data.dispose();
  }

  /** Start, or continue, on all processes as on the first one. */
  async #begin(): Promise<void> {
    const { resume = false, optimizer } = this.#options;
    // An earlier run has left the point to evaluate.
    const averaged = averaging(optimizer);
    if (averaged?.isSwapped) averaged.swap();
    await onFirst(this.#team, () => this.#callbacks.check());
    await this.#saver?.prepare(resume);
    this.#clock.start(0);
    const path = resume ? await this.#saver?.load() : undefined;
    await this.#team?.begin(this.#parts.parts);
    if (typeof path === "string") await this.#saver?.continue(path);
    if (resume) this.#journal.readRate();
    this.#recorder.start(this.#run.step);
  }

  async #runEpoch(): Promise<void> {
    const length = sizeOf(this.#data);
    let taken = 0;
    for await (const batch of passOver("fit", this.#data, this.#since)) {
      taken++;
      this.#feed.add(batch);
      const last = this.#run.counters.batch === length;
      if (this.#stepper.isFull || last) await this.#step(batch);
      await this.#stepAgain();
      // An epoch that has had its last batch counts; a step that has begun is taken.
      if (this.#run.isOver && !last && this.#stepper.batches === 0) return;
    }
    if (this.#stepper.batches > 0) await this.#step(undefined);
    do await this.#stepAgain(); while (await this.#refusals.verify());
    // Steps that were taken back, here or with the last step, leave it unfinished.
    const isTakenBack = this.#stepper.late && this.#refusals.failed &&
      this.#run.counters.batch !== length;
    if (isTakenBack || this.#feed.hasMore) return;
    if (taken === 0 && this.#run.counters.batch === 0) {
      throw noBatch("fit", this.#data);
    }
    this.#parts.notePlace();
    this.#run.counters.epoch++;
    this.#run.counters.batch = 0;
    await this.#recorder.endEpoch();
    this.#run.stepSchedulers("epoch");
    if (this.#run.isOver) await this.#journal.recordRest();
    const evaluates = this.#options.evaluateEvery === undefined;
    if (evaluates) await this.#journal.evaluate();
    await this.#callbacks.call((callback, run) => callback.onEpoch?.(run));
    this.#vote();
    if (evaluates) await this.#save("saveEvaluated");
    if (this.#options.checkpoint?.every === undefined) {
      await this.#save("save");
    }
  }

  /** Take steps again that were taken back since one before them did not count. */
  async #stepAgain(): Promise<void> {
    while (this.#feed.hasMore && !this.#run.isOver) {
      this.#feed.addAgain();
      await this.#step(undefined);
    }
  }

  async #step(batch: B | undefined): Promise<void> {
    const { evaluateEvery, checkpoint, logEvery = 10 } = this.#options;
    const isLogged = (this.#run.step + 1) % logEvery === 0;
    const isLast = this.#run.step + 1 === this.#run.totalSteps;
    const taken = await this.#stepper.take(isLogged || isLast);
    if ("refused" in taken) {
      await this.#team?.stepped(false);
      await this.#refusals.refuse(taken, batch);
      return await this.#checkStop();
    }
    this.#journal.lr = taken.lr;
    this.#recorder.addStep(taken, this.#stepper.late !== undefined);
    if (isLast && !isLogged) await this.#recorder.readNorm();
    // Before averages of weights are updated: now all ranks have what was stepped.
    await this.#team?.stepped(true);
    this.#parts.notePlaceIn(this.#stepper.late);
    this.#run.count(this.#stepper.late);
    const { recent } = this.#stepper, { seeSteps } = this.#callbacks;
    const isFull = recent && (seeSteps || recent.isFull);
    if (isFull && await this.#refusals.verify()) return this.#checkStop();
    await this.#callbacks.call((callback, run) => callback.onStep?.(run));
    const { step, isOver } = this.#run, { every = 0 } = checkpoint ?? {};
    const isEvaluated = evaluateEvery && step % evaluateEvery === 0;
    const isSaved = every && step % every === 0;
    const isRead = isLogged || isLast || isOver || isEvaluated || isSaved;
    if (isRead && await this.#refusals.verify()) return this.#checkStop();
    if (isLogged) await this.#journal.record(false);
    else if (isLast || isOver) await this.#journal.recordRest();
    if (isEvaluated) {
      await this.#journal.evaluate();
      await this.#save("saveEvaluated");
    }
    if (isSaved) await this.#save("save");
    await this.#checkStop();
  }

  /** Stop at the time limit, or if the signal is aborted. */
  async #checkStop(): Promise<void> {
    await this.#clock.turn();
    this.#run.checkLimits(this.#clock.now);
    this.#vote();
  }

  /** Stop if another process does. */
  #vote(): void {
    if (this.#team) this.#run.follow(this.#team.vote(this.#run.vote));
  }

  /** The final evaluation and checkpoint. */
  async #finish(): Promise<void> {
    await this.#refusals.verify();
    await this.#team?.settle(this.#run.model);
    await this.#journal.recordRest();
    const evaluated = this.#run.log.evaluations.at(-1)?.step === this.#run.step;
    if (!evaluated && !this.#run.isPaused && !this.#refusals.failed) {
      await this.#journal.evaluate();
      await this.#save("saveEvaluated");
    }
    if (!this.#refusals.failed) await this.#save("save");
    if (!this.#run.isPaused) this.#restored = await this.#saver?.restoreBest();
    const weights = evaluationWeights(this.#options);
    if (!weights) return;
    weights.swap();
    if (this.#run.isPaused || this.#refusals.failed) return;
    this.#refreshed = await this.#validation.measureAveraged(this.#team);
  }

  /** Save with a function of the saver, and tell the callbacks. */
  async #save(how: "save" | "saveEvaluated"): Promise<void> {
    if (!this.#saver) return;
    await this.#team?.settle(this.#run.model);
    const path = await this.#saver[how]();
    if (path === undefined) return;
    await this.#callbacks.call((callback, run) =>
      callback.onCheckpoint?.(run, path)
    );
  }
}
