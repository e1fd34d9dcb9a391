/**
 * {@linkcode LRScheduler}: what all schedulers share.
 *
 * @module
 */
import {
  checkLength,
  checkNumber,
  checkNumbers,
  rates,
  show,
} from "./checks.ts";

/** What every scheduler takes. */
export interface LRSchedulerOptions {
  /**
   * The rate that the schedule starts from or scales; a list has one per
   * parameter group. Default: 1e-3.
   */
  readonly baseLr?: number | readonly number[] | undefined;
  /** The epoch to start at. Default: 0. */
  readonly lastEpoch?: number | undefined;
}

/** Plain data, as JSON and msgpack write it. */
export type SchedulerData =
  | number
  | string
  | boolean
  | null
  | readonly SchedulerData[]
  | { readonly [key: string]: SchedulerData };

/** What a scheduler has to remember, as plain data. */
export interface SchedulerState {
  /** The epoch whose rate is applied next. */
  readonly lastEpoch: number;
  /** One base rate per parameter group. */
  readonly baseLrs: readonly number[];
  /** Rates put in place of the schedule's until the next step; else `null`. */
  readonly appliedLrs: readonly number[] | null;
  /** What only some schedulers remember. */
  readonly [key: string]: SchedulerData;
}

/** Told when the rates of a scheduler have changed: an optimizer. */
export interface LrListener {
  /** Called after the change. */
  lrChanged(scheduler: LRScheduler): void;
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
 * A schedule of one's own is a subclass with one method, `rate`.
 *
 * @example A schedule of one's own
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
  readonly #listeners = new Set<LrListener>();
  #baseLrs: readonly number[];
  #lastEpoch: number;
  #appliedLrs: readonly number[] | null = null;
  /** The rates of `lastEpoch`, once somebody asked. */
  #currentLrs: readonly number[] | undefined;

  /**
   * Make a scheduler at epoch `lastEpoch`.
   *
   * @param options The base rates, and the epoch to start at.
   */
  constructor({ baseLr = 1e-3, lastEpoch = 0 }: LRSchedulerOptions = {}) {
    const action = `create ${new.target.name}`;
    this.#baseLrs = rates(action, "baseLr", baseLr);
    checkNumber(action, "lastEpoch", lastEpoch, "a nonnegative finite number");
    this.#lastEpoch = lastEpoch;
  }

  /**
   * The schedule: a pure function, but for what a metric has taught.
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

  /** The epoch whose rate is applied next. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The rates that the next optimizer step applies, one per base rate. */
  get currentLrs(): readonly number[] {
    this.#currentLrs ??= this.#appliedLrs ?? this.getLr();
    return this.#currentLrs;
  }

  /**
   * Whether `step` wants a metric: true for {@linkcode ReduceLROnPlateau} and
   * what holds one.
   */
  get takesMetric(): boolean {
    return false;
  }

  /**
   * Whether the rates are the same whatever the base rate: true for
   * {@linkcode PiecewiseConstantSchedule} and what holds one.
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
    checkNumber(action, "epoch", epoch, "a nonnegative finite number");
    baseLr ??= this.baseLrOf(group);
    const lr = this.rate(epoch, baseLr, group);
    // Functions of the user are called here; NaN would spread to every weight.
    checkNumber(
      action,
      `the rate at epoch ${epoch}`,
      lr,
      "a nonnegative finite number",
    );
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

  /** The rates in use, as a list of one's own: those of `currentLrs`. */
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
    checkNumber(
      `step ${this.constructor.name}`,
      "epoch",
      epoch,
      "a nonnegative finite number",
    );
    this.moveTo(epoch);
  }

  /** Go to `epoch`, forget what `apply` did, and tell the optimizers. */
  protected moveTo(epoch: number): void {
    const lrs = this.#lrsAt(epoch); // throws before anything has changed
    this.#lastEpoch = epoch;
    this.#appliedLrs = null;
    this.#currentLrs = lrs;
    this.#notify();
  }

  /**
   * Put other rates in place of the current ones, until the next `step`.
   *
   * @param fn Makes a group's rate from its current one.
   */
  apply(fn: (lr: number, group: number) => number): void {
    const lrs = this.currentLrs.map((lr, group) => fn(lr, group));
    checkNumbers(
      `apply a function to the rates of ${this.constructor.name}`,
      "result",
      lrs,
      "a nonnegative finite number",
    );
    this.#appliedLrs = lrs;
    this.#currentLrs = lrs;
    this.#notify();
  }

  /**
   * Tell `optimizer` whenever the rates change. Several may listen.
   *
   * @param optimizer Who listens.
   * @param groups How many parameter groups it has: where they outnumber the
   * base rates, the last base rate is repeated.
   */
  attachOptimizer(optimizer: LrListener, groups = 1): void {
    const action = `attach an optimizer to ${this.constructor.name}`;
    if (typeof optimizer?.lrChanged !== "function") {
      throw new TypeError(
        `Cannot ${action}: it must have a method lrChanged: current value is ${
          show(optimizer)
        }`,
      );
    }
    checkNumber(action, "groups", groups, "a nonnegative integer");
    if (groups > this.#baseLrs.length) this.setBaseLr(groups - 1);
    this.#listeners.add(optimizer);
  }

  /** Tell `optimizer` no more. */
  detachOptimizer(optimizer: LrListener): void {
    this.#listeners.delete(optimizer);
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
    const applied = this.#appliedLrs &&
      lrs.map((lr, i) =>
        lr === this.#baseLrs[i]
          ? this.#appliedLrs![i]!
          : this.lrAt(this.#lastEpoch, lr, i)
      );
    this.#baseLrs = lrs;
    this.#appliedLrs = applied;
    this.#currentLrs = undefined;
    this.#notify();
  }

  /**
   * Throw where `setBaseLr` would.
   *
   * @param group The index of the group.
   * @param baseLr Its base rate, if it has one of its own.
   */
  checkBaseLr(group: number, baseLr?: number): void {
    const action = `set a base rate of ${this.constructor.name}`;
    checkNumber(action, "group", group, "a nonnegative integer");
    if (baseLr === undefined) return;
    checkNumber(action, "baseLr", baseLr, "a nonnegative finite number");
    if (this.isAbsolute && !this.#baseLrs.includes(baseLr)) {
      throw new RangeError(
        `Cannot ${action}: its rates are absolute, so group ${group} must not have a base rate of its own (give the schedule a list of values per group): current value is ${baseLr}`,
      );
    }
  }

  /** What has to be remembered to go on from here, as plain data. */
  stateDict(): SchedulerState {
    return {
      lastEpoch: this.#lastEpoch,
      baseLrs: [...this.#baseLrs],
      appliedLrs: this.#appliedLrs && [...this.#appliedLrs],
    };
  }

  /**
   * Go on from where `stateDict` was taken. The settings of the constructor are
   * not part of it, so make the scheduler as before.
   *
   * @param state What `stateDict` gave, also by way of JSON or msgpack. It is
   * checked before anything changes.
   */
  loadStateDict(state: SchedulerState): void {
    this.checkStateDict(state);
    this.restore(state);
    this.#notify();
  }

  /** Throw where `loadStateDict` would. */
  checkStateDict(state: SchedulerState): void {
    const action = `load ${this.constructor.name}`;
    if (typeof state !== "object" || state === null) {
      throw new TypeError(
        `Cannot ${action}: the state must be an object: current value is ${
          show(state)
        }`,
      );
    }
    const { lastEpoch, baseLrs, appliedLrs } = state;
    const rule = "a nonnegative finite number";
    checkNumber(action, "lastEpoch", lastEpoch, rule);
    checkNumbers(action, "baseLrs", baseLrs, rule);
    rates(action, "baseLrs", baseLrs);
    if (appliedLrs === null) return;
    checkNumbers(action, "appliedLrs", appliedLrs, rule);
    const each = "one rate per base rate";
    checkLength(action, "appliedLrs", appliedLrs, baseLrs.length, each);
  }

  /** Take over a state that has been checked. */
  protected restore({ lastEpoch, baseLrs, appliedLrs }: SchedulerState): void {
    this.#lastEpoch = lastEpoch;
    this.#baseLrs = [...baseLrs];
    this.#appliedLrs = appliedLrs && [...appliedLrs];
    this.#currentLrs = undefined;
  }

  #lrsAt(epoch: number): number[] {
    return this.#baseLrs.map((lr, group) => this.lrAt(epoch, lr, group));
  }

  #notify(): void {
    for (const listener of this.#listeners) listener.lrChanged(this);
  }
}
