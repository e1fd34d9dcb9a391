/**
 * {@linkcode LearningRates}: how an optimizer shows and changes its learning rates.
 *
 * @module
 */
import { callable, check, instanceOf } from "../../internal/check.ts";
import { LRScheduler } from "../schedulers/mod.ts";
import { coreOf } from "./core.ts";
import type { Rates } from "./rates.ts";

function ratesOf(owner: LearningRates): Rates {
  return coreOf(owner).rates;
}

/** The learning rates of an `Optimizer`. */
export abstract class LearningRates {
  /** The scheduler. */
  get lrScheduler(): LRScheduler {
    return ratesOf(this).schedulers[0]!;
  }

  /** The same as `lrScheduler`; set to a number, the same as `currentLr`. */
  get lr(): LRScheduler {
    return this.lrScheduler;
  }
  set lr(lr: number) {
    this.#setRate("lr", lr);
  }

  /** Always throws: the rate is set by `currentLr`. */
  set learningRate(_: never) {
    throw new TypeError(
      `Cannot set learningRate of ${this.constructor.name}: there is no such property: did you mean "currentLr"?`,
    );
  }

  /**
   * Every scheduler: that of the optimizer, those that
   * {@linkcode LearningRates.addScheduler} added, and those that groups have of their own.
   * A training loop steps all of them.
   */
  get schedulers(): readonly LRScheduler[] {
    return ratesOf(this).schedulers;
  }

  /** The rate that the schedule of the first group starts from. */
  get baseLr(): number {
    return ratesOf(this).current[0]!.baseLr;
  }

  /**
   * The rate that the next step applies to the first group.
   *
   * Set it to change the rate of all groups. Under a constant rate, the new one
   * holds until it is set again. Under a schedule, it scales the rates that follow:
   * set to a tenth of the present rate, the schedule goes on at a tenth. One that is
   * set where the schedule is at 0 holds until the schedule moves.
   */
  get currentLr(): number {
    return ratesOf(this).current[0]!.lr;
  }
  set currentLr(lr: number) {
    this.#setRate("currentLr", lr);
  }

  #setRate(name: string, lr: number): void {
    const action = `set ${name} of ${this.constructor.name}`;
    check(action, name, lr, "a nonnegative finite number");
    ratesOf(this).apply(() => lr);
  }

  /**
   * Change the rates of all groups; see {@linkcode LearningRates.currentLr} for how long.
   *
   * @param fn Makes the new rate of a group from its present one.
   */
  lrApply(fn: (lr: number) => number): void {
    const action = `apply a function to the rates of ${this.constructor.name}`;
    check(action, "fn", fn, callable);
    ratesOf(this).apply((lr) => fn(lr));
  }

  /** The rates that the last step applied, by group. */
  getLastLr(): number[] {
    return ratesOf(this).last;
  }

  /**
   * Multiply the schedule by another one: its rates, relative to its base rates.
   *
   * @param scheduler Advanced by its own `step`.
   * @returns This.
   */
  addScheduler(scheduler: LRScheduler): this {
    const action = `add a scheduler to ${this.constructor.name}`;
    const rule = instanceOf(LRScheduler, "a scheduler");
    check(action, "scheduler", scheduler, rule);
    ratesOf(this).multiply(scheduler);
    return this;
  }
}
