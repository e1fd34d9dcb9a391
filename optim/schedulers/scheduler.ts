/**
 * {@linkcode LRScheduler}: the base class of all schedulers.
 *
 * @module
 */
import {
  check,
  checkObject,
  listOf,
  oneOrMore,
  refuse,
} from "../../internal/check.ts";
import { checkState, RATE, type SchedulerState } from "./scheduler_state.ts";
import { adjust, type AppliedRates, appliedRates } from "./applied.ts";

/** Options of every scheduler. */
export interface LRSchedulerOptions {
  /**
   * The rate that the schedule starts from or scales; a list has one per
   * parameter group. Default: 1e-3.
   */
  readonly baseLr?: number | readonly number[] | undefined;
  /** The epoch to start at. Default: 0. */
  readonly lastEpoch?: number | undefined;
}

/**
 * A learning rate as a function of the epoch: `lrAt(epoch, baseLr)`, which can be
 * asked for any epoch, and the number `lastEpoch`.
 *
 * An epoch is whatever `step()` counts: an optimizer step, or a pass over the
 * data. Epoch 0 is the first; its rate is what the first optimizer step applies.
 * Train with the rate of this epoch, then call `step()`.
 *
 * There is one base rate per parameter group. A group without one has that of
 * the group before it.
 *
 * A subclass needs one method, `rate`.
 *
 * @example A custom schedule
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * class Harmonic extends optim.LRScheduler {
 *   protected override rate(epoch: number, baseLr: number): number {
 *     return baseLr / (1 + epoch);
 *   }
 * }
 *
 * const scheduler = new Harmonic({ baseLr: [1, 0.5] });
 * assertEquals(scheduler.lrAt(3), 0.25);
 * scheduler.step();
 * assertEquals(scheduler.getLr(), [0.5, 0.25]);
 * ```
 */
export abstract class LRScheduler {
  #baseLrs: readonly number[];
  #lastEpoch: number;
  #applied: AppliedRates | undefined;
  /** The rates of `lastEpoch`, computed when first asked for. */
  #currentLrs: readonly number[] | undefined;

  /** Create a scheduler at epoch `lastEpoch`. */
  constructor(options: LRSchedulerOptions = {}) {
    const action = `create ${new.target.name}`;
    checkObject(action, options);
    const { baseLr = 1e-3, lastEpoch = 0 } = options;
    check(action, "baseLr", baseLr, oneOrMore(RATE));
    check(action, "lastEpoch", lastEpoch, RATE);
    this.#baseLrs = typeof baseLr === "number" ? [baseLr] : [...baseLr];
    this.#lastEpoch = lastEpoch;
  }

  /**
   * The schedule: a pure function of its arguments, and of metrics seen so far.
   *
   * @param epoch Not negative.
   * @param baseLr The base rate to scale or to start from.
   * @param group The index of the parameter group.
   */
  protected abstract rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number;

  /** One base rate per parameter group. */
  get baseLrs(): readonly number[] {
    return this.#baseLrs;
  }

  /** The epoch of the rate that is applied next. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /**
   * The rates that the next optimizer step applies, one per base rate: those of the
   * schedule, or what `apply` has made of them.
   */
  get currentLrs(): readonly number[] {
    this.#currentLrs ??= this.#adjusted(this.getLr());
    return this.#currentLrs;
  }

  /**
   * Whether `step` takes a metric: true for {@linkcode ReduceLROnPlateau} and for
   * a combination with one.
   */
  get takesMetric(): boolean {
    return false;
  }

  /**
   * Whether the rates are the same whatever the base rate: true for
   * {@linkcode PiecewiseConstantSchedule} and for a combination with one.
   */
  get isAbsolute(): boolean {
    return false;
  }

  /**
   * The rate at any epoch, without stepping there.
   *
   * @param epoch Not negative; it may be a fraction.
   * @param baseLr The base rate; that of `group` by default.
   * @param group The index of the parameter group.
   * @returns The rate.
   */
  lrAt(epoch: number, baseLr?: number, group = 0): number {
    const action = `take the rate of ${this.constructor.name}`;
    check(action, "epoch", epoch, RATE);
    baseLr ??= this.baseLrOf(group);
    const lr = this.rate(epoch, baseLr, group);
    // Functions of the user are called here; NaN would spread to every weight.
    check(action, `the rate at epoch ${epoch}`, lr, RATE);
    return lr;
  }

  /** The base rate of a group: its own, or that of the last group with one. */
  baseLrOf(group: number): number {
    return this.#baseLrs[group] ?? this.#baseLrs.at(-1)!;
  }

  /** The rates of the schedule at `lastEpoch`, one per base rate. */
  getLr(): number[] {
    return this.#lrsAt(this.#lastEpoch);
  }

  /** A copy of `currentLrs`. */
  getLastLr(): number[] {
    return [...this.currentLrs];
  }

  /**
   * Go to the next epoch, or to the one given.
   *
   * A scheduler with `takesMetric` takes the metric of the epoch that has ended
   * instead.
   *
   * @param epoch Where to go; `lastEpoch + 1` by default.
   */
  step(epoch: number = this.#lastEpoch + 1): void {
    check(`step ${this.constructor.name}`, "epoch", epoch, RATE);
    this.moveTo(epoch);
  }

  /** Go to `epoch`. */
  protected moveTo(epoch: number): void {
    const lrs = this.#lrsAt(epoch); // throws before anything has changed
    this.#lastEpoch = epoch;
    this.#currentLrs = this.#adjusted(lrs);
  }

  /**
   * Put other rates in place of the current ones. As long as the schedule stays at
   * its rate they hold, and where it moves on they scale it:
   *
   * ```text
   * rate = applied · lr(e) / lr(epoch of apply)
   * ```
   *
   * A rate applied where the schedule is at 0 holds until the schedule moves.
   *
   * @param fn Makes a group's rate from its current one.
   */
  apply(fn: (lr: number, group: number) => number): void {
    const lrs = this.currentLrs.map((lr, group) => fn(lr, group));
    const action = `apply a function to the rates of ${this.constructor.name}`;
    check(action, "result", lrs, listOf(RATE));
    this.#applied = appliedRates(lrs, this.getLr());
    this.#currentLrs = lrs;
  }

  /**
   * Give a parameter group its base rate. Groups before it that have none repeat
   * the last one.
   *
   * @param group The index of the group.
   * @param baseLr Its base rate; by default it keeps its own, or repeats the
   * last.
   */
  setBaseLr(group: number, baseLr?: number): void {
    this.checkBaseLr(group, baseLr);
    const lrs = [...this.#baseLrs];
    while (lrs.length <= group) lrs.push(lrs.at(-1)!);
    if (baseLr !== undefined) lrs[group] = baseLr;
    const now = lrs.map((lr, i) => this.lrAt(this.#lastEpoch, lr, i));
    if (this.#applied) {
      // What has been applied holds for the groups with the base rate they had.
      const keep = (list: readonly number[]) =>
        lrs.map((lr, i) => lr === this.#baseLrs[i] ? list[i]! : now[i]!);
      const { lrs: applied, scheduled } = this.#applied;
      this.#applied = appliedRates(keep(applied), keep(scheduled));
    }
    this.#baseLrs = lrs;
    this.#currentLrs = this.#adjusted(now);
  }

  /**
   * Throw where `setBaseLr` would.
   *
   * @param group The index of the group.
   * @param baseLr Its base rate, if it has one of its own.
   */
  checkBaseLr(group: number, baseLr?: number): void {
    const action = `set a base rate of ${this.constructor.name}`;
    check(action, "group", group, "a nonnegative integer");
    if (baseLr === undefined) return;
    check(action, "baseLr", baseLr, RATE);
    if (this.isAbsolute && !this.#baseLrs.includes(baseLr)) {
      const rule =
        `left out for group ${group}, as rates are absolute (give the schedule a list of values per group)`;
      refuse(action, "baseLr", rule, baseLr);
    }
  }

  /** The state, as plain data. */
  stateDict(): SchedulerState {
    return {
      lastEpoch: this.#lastEpoch,
      baseLrs: [...this.#baseLrs],
      appliedLrs: this.#applied ? [...this.#applied.lrs] : null,
      ...(this.#applied && { scheduledLrs: [...this.#applied.scheduled] }),
    };
  }

  /**
   * Continue from where `stateDict` was taken. The settings of the constructor are
   * not part of it.
   *
   * @param state The result of `stateDict`, also by way of JSON or msgpack. It is
   * checked before anything changes.
   */
  loadStateDict(state: SchedulerState): void {
    this.checkStateDict(state);
    this.restore(state);
  }

  /** Throw where `loadStateDict` would. */
  checkStateDict(state: SchedulerState): void {
    checkState(`load ${this.constructor.name}`, state);
  }

  /** Take over a state that has been checked. */
  protected restore(state: SchedulerState): void {
    const { lastEpoch, baseLrs, appliedLrs, scheduledLrs } = state;
    this.#lastEpoch = lastEpoch;
    this.#baseLrs = [...baseLrs];
    this.#applied = appliedLrs
      ? { lrs: [...appliedLrs], scheduled: [...scheduledLrs as number[]] }
      : undefined;
    this.#currentLrs = undefined;
  }

  /** The rates in place of `lrs` of the schedule. */
  #adjusted(lrs: readonly number[]): readonly number[] {
    return this.#applied ? adjust(lrs, this.#applied) : lrs;
  }

  #lrsAt(epoch: number): number[] {
    return this.#baseLrs.map((lr, group) => this.lrAt(epoch, lr, group));
  }
}
