/**
 * Steps whose loss is not a finite number.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import type { FailedStep } from "./fit_options.ts";
import type { Journal } from "./journal.ts";
import type { Recorder } from "./logs/recorder.ts";
import type { LateRefusal } from "./late_refusal.ts";
import { free, type RecentSteps } from "./recent_steps.ts";
import type { RunSaver } from "./run_saver.ts";
import type { RefusedStep, Stepper } from "./stepper.ts";
import type { Team } from "./team.ts";
import type { TrainingRun } from "./training_run.ts";

/** What steps are refused in. */
export interface RefusalsIn<B extends Batch> {
  /** The run. */
  readonly run: TrainingRun<B>;
  /** Its log. */
  readonly recorder: Recorder;
  /** What tells of its steps. */
  readonly journal: Journal<B>;
  /** What takes its steps. */
  readonly stepper: Stepper<B>;
  /** What saves it, if it is saved. */
  readonly saver: RunSaver<B> | undefined;
  /** The other processes, if there are any. */
  readonly team: Team | undefined;
  /** What to do with such steps. */
  readonly nan: "stop" | "skip" | "ignore" | undefined;
}

/** Skips steps that are refused, or ends the run because of them. */
export class Refusals<B extends Batch> {
  readonly #in: RefusalsIn<B>;
  #failed: FailedStep | undefined;

  /** The refusals of a run. */
  constructor(of: RefusalsIn<B>) {
    this.#in = of;
  }

  /** The step that ended the run, if one did. */
  get failed(): FailedStep | undefined {
    return this.#failed;
  }

  /** Skip a step that was refused, or stop because of it. */
  async refuse(
    { refused, isOverflow }: RefusedStep,
    batch: B | undefined,
  ): Promise<void> {
    const { run, nan } = this.#in;
    if (isOverflow || nan === "skip") {
      run.skip(isOverflow ? "gradients" : "losses");
    } else await this.#fail(refused, batch ?? []);
  }

  /**
   * Where it is read late which steps count: read it. If one does not, it and those after it
   * are taken back. Returns whether that was so. Training stops then, unless the loss is
   * scaled: that step is skipped, and those after it are to be taken again.
   */
  async verify(): Promise<boolean> {
    const { stepper: { late, recent }, recorder, journal } = this.#in;
    if (!late || this.#failed) return false;
    if (recent) return await this.#verifyScaled(late, recent);
    const losses = await recorder.read();
    const bad = losses.findIndex((x) => !Number.isFinite(x));
    if (bad < 0) {
      late.confirm();
      return false;
    }
    const loss = losses[bad]!;
    late.takeBack(losses.length - bad);
    recorder.forget(bad);
    journal.readRate();
    await this.#fail(loss, []);
    return true;
  }

  async #verifyScaled(
    late: LateRefusal,
    recent: RecentSteps<B>,
  ): Promise<boolean> {
    const { stepper: { lossScale }, recorder, journal, nan } = this.#in;
    const { count, void: taken } = await recent.read();
    if (taken === 0) {
      late.confirm();
      recent.confirm();
      return false;
    }
    const losses = await recorder.read();
    const loss = losses.at(-taken)!;
    const isOverflow = nan === "ignore" || Number.isFinite(loss);
    late.keep(count, isOverflow);
    late.confirm();
    late.reopen();
    recorder.forget(losses.length - taken);
    journal.readRate();
    const step = recent.takeBack(count);
    const { batch } = step.at(-1)!;
    try {
      if (isOverflow) lossScale!.update(false);
      await this.refuse({ refused: loss, isOverflow }, batch);
    } finally {
      free(step);
    }
    return true;
  }

  /** Stop since the loss of the next step is not finite, and save what there is. */
  async #fail(loss: number, batch: Batch): Promise<void> {
    const { run, saver, team } = this.#in, { step } = run;
    if (team?.isLocal) {
      throw new RangeError(
        `Cannot fit: the loss of step ${step + 1} of this rank is ${loss}`,
      );
    }
    run.fail(`the loss of step ${step + 1} is ${loss}`);
    this.#failed = { step, loss };
    const path = await saver?.saveFailed(batch);
    if (path) this.#failed = { step, loss, path };
  }
}
