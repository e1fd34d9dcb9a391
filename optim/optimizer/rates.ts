/**
 * The learning rates of an optimizer: one scheduler for all groups, others
 * multiplied in, and schedulers that only some groups have.
 *
 * @module
 */
import type { Rate } from "../transforms/transformation.ts";
import {
  type LearningRate,
  type LRScheduler,
  type SchedulerState,
  toScheduler,
} from "../schedulers/mod.ts";

/** Made of functions of the step: these follow the steps by themselves. */
const followers = new WeakSet<LRScheduler>();

/** Rates by group. */
export class Rates {
  readonly #main: LRScheduler;
  readonly #added: LRScheduler[] = [];
  readonly #own = new Map<number, LRScheduler>();
  #rates: readonly Rate[] | undefined;
  #groups = 0;
  #steps = 0;
  #last: readonly number[] | undefined;

  /** The rates of `lr`. */
  constructor(lr: LearningRate) {
    this.#main = this.#attach(lr);
  }

  /** Called by the schedulers. */
  lrChanged(): void {
    this.#rates = undefined;
  }

  #attach(lr: LearningRate, groups = 1): LRScheduler {
    const scheduler = toScheduler(lr);
    if (typeof lr === "function") followers.add(scheduler);
    scheduler.attachOptimizer(this, groups);
    return scheduler;
  }

  /** Throw where `addGroup` would. */
  checkGroup(lr: LearningRate | null | undefined): void {
    const group = this.#groups, main = this.#main;
    if (lr === undefined || lr === null || typeof lr === "number") {
      main.checkBaseLr(group, lr ?? undefined);
    } else toScheduler(lr);
  }

  /** The scheduler of a new group, if it has one of its own. */
  addGroup(lr: LearningRate | null | undefined): void {
    const group = this.#groups++, main = this.#main;
    if (lr === undefined || lr === null || typeof lr === "number") {
      const inherited = group < main.baseLrs.length
        ? undefined
        : main.baseLrOf(0);
      main.setBaseLr(group, lr ?? inherited);
    } else this.#own.set(group, this.#attach(lr));
    this.lrChanged();
  }

  /** Multiply the rates of `scheduler`, relative to its base rates, in. */
  multiply(scheduler: LRScheduler): void {
    scheduler.attachOptimizer(this, this.#groups);
    this.#added.push(scheduler);
    this.lrChanged();
  }

  /** The rates that the next step applies, by group. */
  get current(): readonly Rate[] {
    this.#follow();
    return this.#rates ??= Array.from(
      { length: Math.max(1, this.#groups) },
      (_, group) => this.#rateOf(group),
    );
  }

  /** The scheduler of a group, and the index that the group has there. */
  #schedulerOf(group: number): [LRScheduler, number] {
    const own = this.#own.get(group);
    return own ? [own, 0] : [this.#main, group];
  }

  #factorOf(group: number): number {
    let factor = 1;
    for (const scheduler of this.#added) {
      const base = scheduler.baseLrOf(group);
      const lrs = scheduler.currentLrs;
      factor *= base === 0 ? 0 : (lrs[group] ?? lrs.at(-1)!) / base;
    }
    return factor;
  }

  #rateOf(group: number): Rate {
    const [scheduler, index] = this.#schedulerOf(group);
    const lrs = scheduler.currentLrs;
    return {
      lr: (lrs[index] ?? lrs.at(-1)!) * this.#factorOf(group),
      baseLr: scheduler.baseLrOf(index),
    };
  }

  /** Put other rates in place of the current ones until the next scheduler step. */
  apply(fn: (lr: number) => number): void {
    const wanted = this.current.map(({ lr }) => fn(lr));
    const factors = wanted.map((_, group) => this.#factorOf(group));
    const at = (group: number) =>
      factors[group] ? wanted[group]! / factors[group]! : wanted[group]!;
    this.#main.apply((lr, group) => group in wanted ? at(group) : lr);
    for (const [group, scheduler] of this.#own) {
      scheduler.apply(() => at(group));
    }
  }

  /** Take those that follow the steps there, wherever others moved them. */
  #follow(): void {
    for (const scheduler of this.#all) {
      if (!followers.has(scheduler) || scheduler.lastEpoch === this.#steps) {
        continue;
      }
      scheduler.step(this.#steps);
    }
  }

  /** Note what a step applied, and go to the next where that needs no call. */
  stepped(stepCount: number): void {
    this.#last = this.current.map(({ lr }) => lr);
    this.#steps = stepCount;
    this.#follow();
  }

  /** The rates of the last step; before the first, those of the first. */
  get last(): number[] {
    return [...this.#last ?? this.current.map(({ lr }) => lr)];
  }

  /** The optimizer's scheduler, then those that multiply it. */
  get schedulers(): readonly LRScheduler[] {
    return [this.#main, ...this.#added];
  }

  get #all(): LRScheduler[] {
    return [...this.schedulers, ...this.#own.values()];
  }

  /** What all schedulers remember. */
  stateDict(): SchedulerState[] {
    return this.#all.map((scheduler) => scheduler.stateDict());
  }

  /** Throw where `loadStateDict` would. */
  checkStateDict(action: string, states: readonly SchedulerState[]): void {
    if (!Array.isArray(states) || states.length !== this.#all.length) {
      throw new RangeError(
        `Cannot ${action}: there must be as many schedulers as were saved: current value is ${this.#all.length}, saved were ${states?.length}`,
      );
    }
    this.#all.forEach((scheduler, i) => scheduler.checkStateDict(states[i]!));
  }

  /** Let all schedulers go on from there. */
  loadStateDict(states: readonly SchedulerState[], stepCount: number): void {
    this.#steps = stepCount;
    this.#all.forEach((scheduler, i) => scheduler.loadStateDict(states[i]!));
    this.#last = undefined;
    this.lrChanged();
  }

  /** Let go of the schedulers. */
  dispose(): void {
    for (const scheduler of this.#all) scheduler.detachOptimizer(this);
  }
}
