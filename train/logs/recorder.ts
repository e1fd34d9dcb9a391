/**
 * Keeps the log of a run.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Clock } from "../clock.ts";
import { LossMeter } from "./loss_meter.ts";
import type {
  EndRecord,
  EvaluationRecord,
  RunConfig,
  RunLog,
  StepRecord,
} from "./run_log.ts";

/** A position in a run. */
interface Place {
  /** Steps taken. */
  readonly step: number;
  /** Epochs done, including the fraction of the current one. */
  readonly epoch: number;
}

/** The state of a recorder in a checkpoint, as plain data; without the log. */
export interface RecorderState {
  /** Losses that have not been logged yet. */
  readonly losses: readonly number[];
  /** Seconds of training. */
  readonly time: number;
  /** The sum and the number of the losses of the current epoch. */
  readonly epochLosses?: Losses;
}

/** Losses added up. */
export interface Losses {
  /** Their sum. */
  readonly sum: number;
  /** Their number. */
  readonly count: number;
}

/** Keeps the log of a run, and the tensors on the device that are to be logged. */
export class Recorder {
  /** Appended to in place: copying for each record would take quadratic time. */
  readonly #steps: StepRecord[] = [];
  readonly #evaluations: EvaluationRecord[] = [];
  readonly #about: { readonly name: string; readonly config: RunConfig };
  /** The record of the last steps, if fewer than `logEvery`. */
  #rest: StepRecord | undefined;
  #end: EndRecord | undefined;
  readonly #clock: Clock;
  readonly #meter = new LossMeter();
  /** The last norm, and those before it while its step may be forgotten. */
  #norms: { readonly step: number; norm: tf.Scalar | number }[] = [];
  /** Step and time of the last record. */
  #last = { step: 0, time: 0 };
  /** The losses of the current epoch, as far as they have been added up. */
  #epochLosses: Losses = { sum: 0, count: 0 };
  /** How many of the losses that are not logged yet have been added up. */
  #added = 0;
  #epochLoss: number | undefined;

  /** Start a log. */
  constructor(name: string, config: RunConfig, clock: Clock) {
    this.#about = { name, config };
    this.#clock = clock;
  }

  /** All records so far. */
  get log(): RunLog {
    return {
      ...this.saved,
      ...(this.#rest ? { steps: [...this.#steps, this.#rest] } : {}),
      ...(this.#end ? { end: this.#end } : {}),
    };
  }

  /**
   * The records that a checkpoint refers to. The last steps are not among them if
   * they are fewer than `logEvery`: a resumed run logs them together with those that
   * follow, as an uninterrupted one does.
   */
  get saved(): RunLog {
    return {
      ...this.#about,
      steps: this.#steps,
      evaluations: this.#evaluations,
    };
  }

  /** Whether there are steps that have not been logged. */
  get hasRest(): boolean {
    return this.#meter.count > 0 && !this.#rest;
  }

  /** Measure the rate of steps from here on. */
  start(step: number): void {
    this.#last = { step, time: this.#clock.now };
  }

  /**
   * Add a step and take ownership of its tensors; the last norm is logged.
   *
   * @param mayForget Whether the step may be forgotten.
   */
  addStep(
    { loss, norm }: { loss: tf.Scalar | number; norm: tf.Scalar | undefined },
    mayForget: boolean,
  ): void {
    if (norm) {
      if (!mayForget) this.#dropNorms(0);
      this.#norms.push({ step: this.#meter.count, norm });
    }
    this.#meter.add(loss);
  }

  /** Read the norm of the gradients, so that its tensor is freed. */
  async readNorm(): Promise<void> {
    const last = this.#norms.at(-1);
    if (typeof last?.norm !== "object") return;
    const [norm] = await last.norm.data();
    last.norm.dispose();
    last.norm = norm!;
  }

  /** Read the losses on the device, so that `stateDict` includes them. */
  async read(): Promise<readonly number[]> {
    return await this.#meter.read();
  }

  /** Forget steps whose losses have been read, from the `first`th unlogged one on. */
  forget(first: number): void {
    this.#meter.cut(first);
    this.#dropNorms(first);
  }

  /**
   * Log the steps since the last record.
   *
   * @param isRest Whether they are fewer than `logEvery`, at the end.
   * @returns The record.
   */
  async logSteps(
    { step, epoch }: Place,
    lr: number,
    isRest: boolean,
  ): Promise<StepRecord> {
    const losses = await this.#meter.read();
    this.#addUp(losses);
    if (!isRest) {
      this.#meter.clear();
      this.#added = 0;
    }
    await this.readNorm();
    const gradNorm = this.#norms.at(-1)?.norm as number | undefined;
    this.#dropNorms(0);
    const time = this.#clock.now;
    const seconds = Math.max(1e-9, time - this.#last.time);
    const record: StepRecord = {
      step,
      epoch,
      time,
      loss: mean(losses),
      lr,
      ...(gradNorm === undefined ? {} : { gradNorm }),
      rate: (step - this.#last.step) / seconds,
    };
    this.#last = { step, time };
    if (isRest) this.#rest = record;
    else this.#steps.push(record);
    return record;
  }

  /** The mean loss of the steps since the last record, or that of the last record. */
  async recentLoss(): Promise<number | undefined> {
    const losses = await this.#meter.read();
    return losses.length > 0 ? mean(losses) : this.#steps.at(-1)?.loss;
  }

  /** The mean loss over the steps of the last epoch that has ended. */
  get epochLoss(): number | undefined {
    return this.#epochLoss;
  }

  /** End an epoch: what is added from here on belongs to the next one. */
  async endEpoch(): Promise<void> {
    this.#addUp(await this.#meter.read());
    const { sum, count } = this.#epochLosses;
    this.#epochLoss = count > 0 ? sum / count : undefined;
    this.#epochLosses = { sum: 0, count: 0 };
  }

  /** Log an evaluation. */
  logEvaluation(
    place: Place,
    measured: Omit<EvaluationRecord, keyof Place | "time">,
  ): EvaluationRecord {
    const record: EvaluationRecord = {
      ...place,
      time: this.#clock.now,
      ...measured,
    };
    this.#evaluations.push(record);
    return record;
  }

  /** Log the end. */
  logEnd(step: number, reason: string): void {
    this.#end = { step, time: this.#clock.now, reason };
  }

  /** Exclude `seconds` from the rate of steps. */
  exclude(seconds: number): void {
    this.#last.time += seconds;
  }

  /** The state for a checkpoint. */
  stateDict(): RecorderState {
    const losses = this.#meter.known;
    this.#addUp(losses);
    const { now: time } = this.#clock;
    return { losses, time, epochLosses: this.#epochLosses };
  }

  /** Continue from a checkpoint. */
  loadStateDict({ losses, time, epochLosses }: RecorderState): void {
    this.#meter.load(losses);
    this.#added = losses.length;
    this.#epochLosses = epochLosses ?? { sum: 0, count: 0 };
    this.#clock.start(time);
  }

  /** Continue a log. */
  loadLog({ steps, evaluations }: RunLog): void {
    this.#steps.length = this.#evaluations.length = 0;
    for (const record of steps) this.#steps.push(record);
    for (const record of evaluations) this.#evaluations.push(record);
  }

  /** Free what has not been read. */
  dispose(): void {
    this.#meter.dispose();
    this.#dropNorms(0);
  }

  /** Add the losses that have been read since to those of the epoch. */
  #addUp(losses: readonly number[]): void {
    let { sum, count } = this.#epochLosses;
    for (const loss of losses.slice(this.#added)) {
      sum += loss;
      count++;
    }
    this.#epochLosses = { sum, count };
    this.#added = losses.length;
  }

  /** Forget the norms of the unlogged steps from the `first`th on. */
  #dropNorms(first: number): void {
    for (const { norm } of this.#norms.filter(({ step }) => step >= first)) {
      if (typeof norm === "object") norm.dispose();
    }
    this.#norms = this.#norms.filter(({ step }) => step < first);
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
