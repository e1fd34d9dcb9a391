/**
 * The learning rates of an optimizer: one scheduler for all groups, further ones
 * multiplied in, and schedulers that only one group has.
 *
 * @module
 */
import { refuse } from "../../internal/check.ts";
import {
  LambdaLR,
  type LearningRate,
  type LRScheduler,
  type SchedulerState,
  toScheduler,
} from "../schedulers/mod.ts";
import type { Rate } from "../transforms/transformation.ts";

/** The schedule of a function of the step, which the optimizer advances. */
class FunctionOfSteps extends LambdaLR {}

function schedulerOf(lr: LearningRate): LRScheduler {
  return typeof lr === "function"
    ? new FunctionOfSteps({ baseLr: 1, lrLambda: lr })
    : toScheduler(lr);
}

/** Rates by group. */
export class Rates {
  readonly #main: LRScheduler;
  readonly #added: LRScheduler[] = [];
  readonly #own = new Map<number, LRScheduler>();
  /** The optimizer's scheduler, those that multiply it, then those of groups. */
  #schedulers: readonly LRScheduler[];
  #groups = 0;
  /** What `live` returned, by group. */
  readonly #live: (() => Rate)[] = [];
  /** What `current` returned last, and the rates of schedulers it came from. */
  #current: readonly Rate[] = [];
  readonly #sources: (readonly number[] | undefined)[] = [];
  #steps = 0;
  #last: readonly number[] | undefined;

  /** Create the rates from that of all groups without one of their own. */
  constructor(lr: LearningRate) {
    this.#main = schedulerOf(lr);
    this.#schedulers = [this.#main];
  }

  /** Take in that there is another scheduler or group. */
  #changed(): void {
    const all = [this.#main, ...this.#added, ...this.#own.values()];
    this.#schedulers = [...new Set(all)];
    this.#sources.length = 0;
  }

  /** Throw where `addGroup` would. */
  checkGroup(lr: LearningRate | null | undefined): void {
    if (lr === undefined || lr === null || typeof lr === "number") {
      this.#main.checkBaseLr(this.#groups, lr ?? undefined);
    } else toScheduler(lr);
  }

  /** Add a group with the rate of the optimizer, a base rate, or a scheduler. */
  addGroup(lr: LearningRate | null | undefined): void {
    const group = this.#groups++, main = this.#main;
    if (lr === undefined || lr === null || typeof lr === "number") {
      const isKnown = group < main.baseLrs.length;
      main.setBaseLr(group, lr ?? (isKnown ? undefined : main.baseLrOf(0)));
    } else this.#own.set(group, schedulerOf(lr));
    this.#changed();
  }

  /** Multiply the rates of `scheduler`, relative to its base rates, in. */
  multiply(scheduler: LRScheduler): void {
    const groups = Math.max(1, this.#groups);
    if (groups > scheduler.baseLrs.length) scheduler.setBaseLr(groups - 1);
    this.#added.push(scheduler);
    this.#changed();
  }

  /** The rates that the next step applies, by group. */
  get current(): readonly Rate[] {
    this.#follow();
    let isKnown = true;
    for (let i = 0; i < this.#schedulers.length; i++) {
      const { currentLrs, baseLrs } = this.#schedulers[i]!;
      const isSame = this.#sources[2 * i] === currentLrs &&
        this.#sources[2 * i + 1] === baseLrs;
      if (isSame) continue;
      this.#sources[2 * i] = currentLrs;
      this.#sources[2 * i + 1] = baseLrs;
      isKnown = false;
    }
    if (isKnown) return this.#current;
    return this.#current = Array.from(
      { length: Math.max(1, this.#groups) },
      (_, group) => this.#rateOf(group),
    );
  }

  /** What gives the present rate of a group, the same function whenever it is asked for. */
  live(group: number): () => Rate {
    return this.#live[group] ??= () => this.current[group]!;
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

  /** Put other rates in place of the current ones: see `LRScheduler.apply`. */
  apply(fn: (lr: number, group: number) => number): void {
    const now = this.current;
    const wanted = now.map(({ lr }, group) => fn(lr, group));
    const at = (lr: number, group: number) => {
      if (group >= wanted.length || wanted[group] === now[group]!.lr) return lr;
      return wanted[group]! / (this.#factorOf(group) || 1);
    };
    this.#main.apply((lr, group) => this.#own.has(group) ? lr : at(lr, group));
    for (const [group, scheduler] of this.#own) {
      scheduler.apply((lr, index) => index === 0 ? at(lr, group) : lr);
    }
  }

  /** Take functions of the step to the present step, wherever others moved them. */
  #follow(): void {
    for (const scheduler of this.#schedulers) {
      if (!(scheduler instanceof FunctionOfSteps)) continue;
      if (scheduler.lastEpoch !== this.#steps) scheduler.step(this.#steps);
    }
  }

  /**
   * Note the rates of a step, and move functions of the step on. Returns what takes it
   * back, given the number of steps before.
   */
  stepped(stepCount: number): (stepCount: number) => void {
    const before = this.#last;
    this.#last = this.current.map(({ lr }) => lr);
    this.#steps = stepCount;
    this.#follow();
    return (stepCount) => {
      this.#last = before;
      this.#steps = stepCount;
      this.#follow();
    };
  }

  /** The rates of the last step; before the first, those of the first. */
  get last(): number[] {
    return [...this.#last ?? this.current.map(({ lr }) => lr)];
  }

  /** The optimizer's scheduler, those that multiply it, then those of groups. */
  get schedulers(): readonly LRScheduler[] {
    return this.#schedulers;
  }

  /** The states of all schedulers. */
  stateDict(): SchedulerState[] {
    return this.schedulers.map((scheduler) => scheduler.stateDict());
  }

  /** Throw where `loadStateDict` would. */
  checkStateDict(action: string, states: readonly SchedulerState[]): void {
    const all = this.schedulers;
    if (!Array.isArray(states) || states.length !== all.length) {
      const rule = `the states of ${all.length} schedulers`;
      refuse(action, "schedulers", rule, states);
    }
    all.forEach((scheduler, i) => scheduler.checkStateDict(states[i]!));
  }

  /** Let all schedulers continue from there. */
  loadStateDict(states: readonly SchedulerState[], stepCount: number): void {
    this.#steps = stepCount;
    this.schedulers.forEach((scheduler, i) =>
      scheduler.loadStateDict(states[i]!)
    );
    this.#last = undefined;
  }
}
